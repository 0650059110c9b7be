/** `POST /responses`: one turn over HTTP, by the same code as a turn on a socket. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ErrorAnswer } from '../frames/errors.ts';
import { parseCreateBody } from '../frames/response-create.ts';
import { Turn } from '../turn/turn.ts';
import type { TurnClient } from '../turn/turn-client.ts';
import { newTurnRecord } from '../turn/turn-record.ts';
import type { ProviderSockets } from '../provider/provider.ts';
import type { RouteGroup } from '../route/snapshot.ts';
import type { ConnectionTools } from './connection-tools.ts';
import { Flow } from './flow.ts';
import type { Beating, Heartbeat } from './heartbeat.ts';
import { answerError } from './answer-error.ts';
import { JsonAnswer } from './json-answer.ts';
import { SseAnswer } from './sse-answer.ts';
import { readBody } from './read-body.ts';
import { toSocketOwner } from './socket-owner.ts';

export interface HttpTurnParts {
  readonly tools: ConnectionTools;
  readonly heartbeat: Heartbeat;
  readonly client: TurnClient;
  readonly group: RouteGroup;
  /** Headers of the provider's answer that are for the client. */
  readonly onAnswered: (headers: Readonly<Record<string, string>>) => void;
  /** The request is none: there will be no turn that could be heard of. */
  readonly onRefused: (answer: ErrorAnswer) => void;
  /** The turn while it runs: drains and counts need it. */
  readonly onTurn: (turn: Turn) => void;
}

/** A turn that has its request, and what belongs to it. */
interface BegunTurn {
  readonly turn: Turn;
  readonly answer: SseAnswer | JsonAnswer;
  readonly flow: Flow;
  readonly sockets: ProviderSockets;
}

/**
 * Reads the request, runs the turn, writes the answer. Resolves when the turn has ended or the client is gone.
 */
export async function serveHttpTurn(
  request: IncomingMessage,
  response: ServerResponse,
  parts: HttpTurnParts,
): Promise<void> {
  const { tools, group, heartbeat } = parts;
  const { promise, resolve } = Promise.withResolvers<void>();
  const begun = await beginTurn(request, response, parts, resolve);
  if (begun === undefined) return;
  const { turn, answer, flow, sockets } = begun;
  parts.onTurn(turn);
  const beating: Beating = {
    beat: (now) => {
      flow.beat(now);
      if (answer instanceof SseAnswer) answer.beat(now, tools.settings.keepaliveMs);
    },
  };
  heartbeat.add(beating);
  response.on('close', () => turn.disconnect());
  try {
    if (response.destroyed) turn.disconnect();
    else turn.start(group);
    await promise;
    await finished(response);
  } finally {
    heartbeat.delete(beating);
    sockets.close();
    flow.close();
  }
}

/**
 * Reads the request and makes a turn of it; undefined where it is none, and was told so. A function of its own: one that
 * waits for the end of the answer would hold the request's bytes in its variables until then.
 */
async function beginTurn(
  request: IncomingMessage,
  response: ServerResponse,
  { tools, group, client, onAnswered, onRefused }: HttpTurnParts,
  onEnded: () => void,
): Promise<BegunTurn | undefined> {
  const read = await readBody(request, group.limits.maxMessageBytes, tools.inbound);
  if (!read.ok) {
    onRefused(read.error);
    answerError(response, read.error, { connection: 'close' });
    return undefined;
  }
  const receivedAt = tools.turnTools.clock.now(); // as on a socket: when its last byte was there
  const { bytes, release } = read.body;
  const parsed = parseCreateBody(bytes);
  if (!parsed.ok) {
    release();
    onRefused(parsed.error);
    answerError(response, parsed.error);
    return undefined;
  }
  const { create } = parsed;
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
    create.stream === true
      ? new SseAnswer(response, flow, keepalive, onAnswered)
      : new JsonAnswer(response, flow, onAnswered);
  const sockets = tools.turnTools.transport.openSockets(toSocketOwner(client));
  const turn: Turn = new Turn(tools.turnTools, {
    client,
    sink: answer,
    create,
    record: newTurnRecord(client, create, 1, receivedAt),
    tracePolicy: group.clients.trace,
    memory: undefined,
    lane: '',
    pins: undefined,
    sockets,
    onBodyDone: release,
    onEnded,
  });
  return { turn, answer, flow, sockets };
}

/** Everything was handed to the kernel, or the client is gone. */
function finished(response: ServerResponse): Promise<void> {
  if (response.closed || response.writableFinished) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  response.once('finish', resolve);
  response.once('close', resolve);
  return promise;
}
