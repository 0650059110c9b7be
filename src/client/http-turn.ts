/** `POST /responses`: one turn over HTTP, by the same code as a turn on a socket. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ErrorAnswer } from '../frames/errors.ts';
import { parseCreateBody } from '../frames/response-create.ts';
import { Turn } from '../turn/turn.ts';
import type { TurnClient } from '../turn/turn-client.ts';
import { newTurnRecord } from '../turn/turn-record.ts';
import type { RouteGroup } from '../route/snapshot.ts';
import type { ConnectionTools } from './connection-tools.ts';
import { Flow } from './flow.ts';
import type { Beating, Heartbeat } from './heartbeat.ts';
import { answerError } from './answer-error.ts';
import { JsonAnswer } from './json-answer.ts';
import { SseAnswer } from './sse-answer.ts';
import { readBody } from './read-body.ts';

export interface HttpTurnParts {
  readonly tools: ConnectionTools;
  readonly heartbeat: Heartbeat;
  readonly client: TurnClient;
  readonly group: RouteGroup;
  /** The request is none: there will be no turn that could be heard of. */
  readonly onRefused: (answer: ErrorAnswer) => void;
  /** The turn while it runs: drains and counts need it. */
  readonly onTurn: (turn: Turn) => void;
}

/**
 * Reads the request, runs the turn, writes the answer. Resolves when the turn has ended or the client is gone.
 */
export async function serveHttpTurn(
  request: IncomingMessage,
  response: ServerResponse,
  parts: HttpTurnParts,
): Promise<void> {
  const { tools, group, client } = parts;
  const read = await readBody(request, group.limits.maxMessageBytes, tools.inbound);
  if (!read.ok) {
    parts.onRefused(read.error);
    return answerError(response, read.error, { connection: 'close' });
  }
  const receivedAt = tools.turnTools.clock.now(); // as on a socket: when its last byte was there
  const parsed = parseCreateBody(read.body.bytes);
  if (!parsed.ok) {
    read.body.release();
    parts.onRefused(parsed.error);
    return answerError(response, parsed.error);
  }
  const { create } = parsed;
  const { promise, resolve } = Promise.withResolvers<void>();
  const flow = new Flow(request.socket, tools.settings.flow, tools.clientSend, {
    onPause: () => turn.pause(),
    onResume: (ms) => {
      tools.facts({ kind: 'backpressure.ended', connectionId: client.connectionId, ms });
      turn.resume();
    },
    onStalled: () => {
      turn.disconnect('slow_consumer');
      response.destroy();
    },
  });
  const keepalive = client.kind === 'codex' ? 'event' : 'comment';
  const answer =
    create.stream === true ? new SseAnswer(response, flow, keepalive) : new JsonAnswer(response, flow);
  const turn: Turn = new Turn(tools.turnTools, {
    client,
    sink: answer,
    create,
    record: newTurnRecord(client, create, 1, receivedAt),
    tracePolicy: group.clients.trace,
    memory: undefined,
    onBodyDone: () => read.body.release(),
    onEnded: resolve,
  });
  parts.onTurn(turn);
  const beating: Beating = {
    beat: (now) => {
      flow.beat(now);
      if (answer instanceof SseAnswer) answer.beat(now, tools.settings.keepaliveMs);
    },
  };
  parts.heartbeat.add(beating);
  response.on('close', () => turn.disconnect());
  try {
    if (response.destroyed) turn.disconnect();
    else turn.start(group);
    await promise;
    await finished(response);
  } finally {
    parts.heartbeat.delete(beating);
    flow.close();
  }
}

/** Everything was handed to the kernel, or the client is gone. */
function finished(response: ServerResponse): Promise<void> {
  if (response.closed || response.writableFinished) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  response.once('finish', resolve);
  response.once('close', resolve);
  return promise;
}
