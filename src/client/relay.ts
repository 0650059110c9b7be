/**
 * Requests below the base that are not turns (`GET /models`, `POST /responses/compact`): passed on to the route's
 * provider under the same header policy, bounded, streamed.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { refusal, type ErrorAnswer } from '../frames/errors.ts';
import { membersOf, stringOf } from '../json/object-walk.ts';
import { ProviderFault } from '../provider/provider.ts';
import { chooseProvider, chooseRoute, chooseUnusableProvider, mapModel } from '../route/match.ts';
import type { CompiledProvider, CompiledRoute, HeaderField } from '../route/snapshot.ts';
import { withoutCredentials } from '../turn/failure.ts';
import type { Admitted } from './admission.ts';
import type { ConnectionTools } from './connection-tools.ts';
import { Flow } from './flow.ts';
import type { Heartbeat } from './heartbeat.ts';
import { answerError } from './answer-error.ts';
import type { RequestHead } from './request-head.ts';
import { readBody, type HeldBody } from './read-body.ts';
import { relayedQuery } from './relayed-query.ts';
import { climbs, listedAs } from './relayed-path.ts';

export interface RelayParts {
  readonly tools: ConnectionTools;
  readonly heartbeat: Heartbeat;
  readonly head: RequestHead;
  readonly admitted: Admitted;
}

/** What is relayed unless a route lists more; and how: nothing that a client stored can be read or changed so. */
const SAFE_METHODS: Readonly<Record<string, readonly string[]>> = {
  '/models': ['GET', 'HEAD'],
  '/responses/compact': ['POST'],
};

const NOT_RELAYED = refusal(
  'not_found',
  'This path is not served here. Turns are run at BASE/responses; relay.paths of a route names what else is passed on.',
);

/** Serves one such request. Resolves when it is answered or the client is gone. */
export async function relay(
  request: IncomingMessage,
  response: ServerResponse,
  parts: RelayParts,
): Promise<void> {
  const { head, admitted } = parts;
  const allowed = allowedMethods(admitted);
  if (allowed === undefined) {
    return answerError(response, NOT_RELAYED);
  }
  if (!allowed.includes('*') && !allowed.includes(head.method)) {
    return answerError(response, refusal('method_not_allowed', `This path takes ${allowed.join(' and ')}.`), {
      allow: allowed.join(', '),
    });
  }
  // a body that may name a model is read whole; anything else streams through
  if (!mayNameModel(head)) {
    const body = hasBody(head) ? limited(request, admitted.group.limits.maxMessageBytes) : null;
    return pass(request, response, parts, targetOf(admitted, undefined), body, admitted.fields);
  }
  const read = await readBody(request, admitted.group.limits.maxMessageBytes, parts.tools.inbound);
  if (!read.ok) return answerError(response, read.error, { connection: 'close' });
  try {
    const { target, body } = withMappedModel(admitted, read.body);
    await pass(request, response, parts, target, Readable.from([body]), describing(body, admitted.fields));
  } finally {
    read.body.release();
  }
}

/** A body that streams through has the limit of one that is read. */
class BodyTooLarge extends Error {}

function limited(request: IncomingMessage, maxBytes: number): Readable {
  return Readable.from(
    (async function* () {
      let bytes = 0;
      for await (const chunk of request as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > maxBytes)
          throw new BodyTooLarge(`The body has more than ${maxBytes} bytes (limits.maxMessageBytes).`);
        yield chunk;
      }
    })(),
    { objectMode: false },
  );
}

const MODEL_TWICE = refusal('invalid_request', '`model` is given twice; give it once.', 'model');

const NO_ROUTE = refusal('model_not_found', 'No route here serves this model.', 'model');

type Target = { readonly route: CompiledRoute; readonly provider: CompiledProvider } | ErrorAnswer;

function targetOf(admitted: Admitted, model: string | undefined): Target {
  const route = chooseRoute(admitted.group, model, admitted.fields);
  if (route === undefined) return NO_ROUTE;
  const provider = chooseProvider(route, model, admitted.fields);
  if (provider === undefined) {
    const unusable = chooseUnusableProvider(route, model, admitted.fields);
    return unusable === undefined ? NO_ROUTE : withoutCredentials(route, unusable).answer;
  }
  // another route of the group may list the path; its provider is not this one
  if (!lists(route, admitted.rest)) return NOT_RELAYED;
  return { route, provider };
}

function withMappedModel(admitted: Admitted, held: HeldBody): { target: Target; body: Buffer } {
  const { bytes } = held;
  const models = membersOf(bytes).filter(({ key }) => key === 'model');
  if (models.length > 1) return { target: MODEL_TWICE, body: bytes }; // the provider would read the last one
  const [member] = models;
  const model = member === undefined ? undefined : stringOf(bytes, member);
  const target = targetOf(admitted, model);
  if (member === undefined || model === undefined || !('provider' in target)) return { target, body: bytes };
  const mapped = mapModel(target.provider, model);
  if (mapped === model) return { target, body: bytes };
  const body = Buffer.concat([
    bytes.subarray(0, member.start),
    Buffer.from(JSON.stringify(mapped)),
    bytes.subarray(member.end),
  ]);
  return { target, body };
}

/** The fields of a request whose body was decoded and perhaps changed: they tell of it as it is now. */
function describing(body: Buffer, fields: readonly HeaderField[]): HeaderField[] {
  const others = fields.filter(({ name }) => name !== 'content-encoding' && name !== 'content-length');
  return [...others, { name: 'content-length', value: String(body.length) }];
}

async function pass(
  request: IncomingMessage,
  response: ServerResponse,
  parts: RelayParts,
  target: Target,
  body: Readable | null,
  fields: readonly HeaderField[],
): Promise<void> {
  if (!('provider' in target)) return answerError(response, target);
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  try {
    const answer = await parts.tools.turnTools.transport.relay({
      route: target.route,
      provider: target.provider,
      method: request.method ?? 'GET',
      path: parts.admitted.rest,
      clientHeaders: fields,
      clientQuery: relayedQuery(
        parts.head.query,
        parts.admitted.group.clients.queryAllow,
        target.provider,
        parts.admitted.rest,
      ),
      via: parts.admitted.via,
      body,
      signal: gone.signal,
    });
    response.writeHead(answer.status, answer.headers);
    await streamed(answer.body, response, parts);
  } catch (error) {
    if (gone.signal.aborted) return; // nobody is left to hear of it
    if (body?.errored instanceof BodyTooLarge)
      answerError(response, refusal('payload_too_large', body.errored.message), { connection: 'close' });
    else if (error instanceof ProviderFault)
      answerError(response, refusal('provider_unreachable', `${error.message}.`));
    else response.destroy(); // the provider's answer broke off in the middle
  }
}

/** Hands a body on, as fast as the client takes it. One that takes nothing for too long is cut off. */
async function streamed(body: Readable, response: ServerResponse, parts: RelayParts): Promise<void> {
  const { settings, clientSend } = parts.tools;
  // the answer's: undici takes the socket away from a request that it has sent on
  const { socket } = response;
  if (socket === null) return void body.destroy(); // nobody is left to take it
  const flow = new Flow(socket, settings.flow, clientSend, {
    onPause: () => undefined, // the pipeline waits by itself
    onResume: () => undefined,
    onStalled: () => response.destroy(),
  });
  parts.heartbeat.add(flow);
  try {
    await pipeline(body, response);
  } finally {
    parts.heartbeat.delete(flow);
    flow.close();
  }
}

/** The methods that this path takes; `*` for all; undefined when no route of the group passes it on. */
function allowedMethods(admitted: Admitted): readonly string[] | undefined {
  if (climbs(admitted.rest)) return undefined;
  const isListed = admitted.group.routes.some((route) => lists(route, admitted.rest));
  return isListed ? (SAFE_METHODS[admitted.rest] ?? ['*']) : undefined;
}

function lists(route: CompiledRoute, path: string): boolean {
  return listedAs(route.relay.paths, path) !== undefined;
}

/** A type that is left out may be JSON to the provider: the model would be chosen by it, and not by the routes. */
function mayNameModel(head: RequestHead): boolean {
  if (head.method === 'GET' || head.method === 'HEAD') return false;
  const type = head.headers['content-type'];
  return type === undefined ? hasBody(head) : /json/i.test(type);
}

function hasBody(head: RequestHead): boolean {
  return head.headers['content-length'] !== undefined || head.headers['transfer-encoding'] !== undefined;
}
