/**
 * Upgrades to WebSockets that are passed on: the provider is dialled first, so that its refusal can be an HTTP answer,
 * and its subprotocol stand on the 101. Owns every dial until it is a connection or a refusal.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { refusal, type ErrorAnswer } from '../frames/errors.ts';
import { ProviderFault } from '../provider/provider.ts';
import { TunnelRefused, type Tunnel } from '../provider/tunnel.ts';
import { RELAYED_BODY_HEADERS } from '../route/header-names.ts';
import { judgeEnd } from '../turn/failover-cause.ts';
import { toErrorType } from '../turn/error-type.ts';
import { fromAttemptEnd, type TurnFailure } from '../turn/failure.ts';
import { admit, type AdmissionContext } from './admission.ts';
import type { ConnectionTools } from './connection-tools.ts';
import type { FailedTunnel, HandshakeResult } from './facts.ts';
import type { Arrival, Guests } from './guests.ts';
import { MISTAKE } from './listener-answers.ts';
import { areOffers, parseProtocols, withoutValues } from './subprotocol.ts';
import { chooseTunnel, isPassedOn, NOT_LISTED, type TunnelTarget } from './tunnel-target.ts';
import type { UpgradeDoors } from './upgrade-doors.ts';

/**
 * Dials under way at a time. A provider that stalls holds each for `timeouts.connectSeconds`, with a client's socket and
 * what it has sent already (64 KiB at most, as nothing is read from it); what comes beyond is told to try again.
 */
const MAX_DIALS = 256;
/** Of these to one provider of a route: one that stalls must not close the door for all. */
const MAX_DIALS_TO_ONE = 64;

const TOO_MANY = refusal(
  'too_many_connections',
  'Too many WebSockets wait for their provider at this moment; try again.',
);

/** One upgrade on its way. */
export interface TunnelArrival extends Arrival {
  readonly request: IncomingMessage;
  readonly socket: Socket;
  /** What came behind the request's head. */
  readonly firstBytes: Buffer;
  /**
   * Answers in place of the 101.
   * @param pattern The path as the route lists it, once a route was chosen.
   * @param failed With `provider_failed`: whose fault it is.
   */
  readonly refuse: (
    result: HandshakeResult,
    answer: ErrorAnswer,
    pattern?: string,
    failed?: FailedTunnel,
  ) => void;
}

export interface TunnelUpgradesParts {
  readonly tools: ConnectionTools;
  readonly doors: UpgradeDoors;
  readonly guests: Guests;
  /** What admission goes by at this moment. */
  readonly context: () => AdmissionContext;
  /** A dial came to its end, whatever became of it. */
  readonly onLeft: () => void;
}

export class TunnelUpgrades {
  readonly #parts: TunnelUpgradesParts;
  /** Each with the provider that is dialled. */
  readonly #dials = new Map<AbortController, string>();

  constructor(parts: TunnelUpgradesParts) {
    this.#parts = parts;
  }

  /** Dials under way. */
  get size(): number {
    return this.#dials.size;
  }

  /** Dials, and answers the client: with a 101, or through `refuse`. */
  open(arrival: TunnelArrival): void {
    const { head, admitted, request, refuse } = arrival;
    const target = chooseTunnel(head, admitted, this.#parts.tools.turnTools.providers);
    if (!('provider' in target)) return refuse(RESULTS.get(target.status) ?? 'not_found', target);
    if (!isHandshake(request)) return this.#welcome(arrival); // the library answers it
    const name = `${target.route.id} ${target.provider.name}`;
    if (!this.#hasRoomFor(name)) return refuse('limited', TOO_MANY, target.pattern);
    const dial = new AbortController();
    this.#dials.set(dial, name);
    this.#dial(arrival, target, dial)
      .catch((error: unknown) => {
        this.#parts.tools.facts({ kind: 'bridge.mistake', error });
        refuse('provider_failed', MISTAKE, target.pattern, toFailed(target, 'internal_error'));
      })
      .finally(() => {
        this.#dials.delete(dial);
        this.#parts.onLeft();
      });
  }

  /** Gives up every dial: the process leaves. Its client is refused. */
  cut(): void {
    for (const dial of this.#dials.keys()) dial.abort();
  }

  #hasRoomFor(name: string): boolean {
    if (this.#dials.size >= MAX_DIALS) return false;
    let toThisOne = 0;
    for (const dialled of this.#dials.values()) if (dialled === name) toThisOne++;
    return toThisOne < MAX_DIALS_TO_ONE;
  }

  async #dial(arrival: TunnelArrival, target: TunnelTarget, dial: AbortController): Promise<void> {
    const { head, admitted, socket, refuse } = arrival;
    const abort = (): void => dial.abort();
    // with nobody reading it, a socket tells of its end as long as nothing came before that
    socket.once('end', abort);
    socket.once('close', abort);
    const { transport, clock, providers } = this.#parts.tools.turnTools;
    const startedAt = clock.now();
    providers.health.chosen(target.route, target.provider);
    try {
      const tunnel = await transport.openTunnel({
        route: target.route,
        provider: target.provider,
        path: admitted.rest,
        clientHeaders: admitted.fields,
        clientQuery: target.query,
        via: admitted.via,
        protocols: withoutValues(parseProtocols(head.headers['sec-websocket-protocol'])),
        maxMessageBytes: admitted.group.limits.maxMessageBytes,
        signal: dial.signal,
      });
      providers.health.reached(target.route, target.provider, startedAt);
      this.#dialled(arrival, target, tunnel);
    } catch (error) {
      if (!dial.signal.aborted) this.#learn(error, target, startedAt);
      const answer = toAnswer(error, target, socket.destroyed || socket.readableEnded, dial.signal.aborted);
      if (answer === 'gone') socket.destroy();
      else if (answer === 'leaving') refuse('draining', DRAINING, target.pattern);
      else if (answer === 'mistake') throw error;
      else refuse('provider_failed', answer.answer, target.pattern, toFailed(target, answer.errorType));
    } finally {
      providers.health.undecided(target.route, target.provider, startedAt); // where it said nothing
      socket.off('end', abort);
      socket.off('close', abort);
    }
  }

  /**
   * A route whose clients come for nothing else has no turns to learn from. What is no turn's affair either counts for
   * nothing: an upgrade that is swallowed where turns go over HTTP, a path that is not there, an answer to odd offers.
   */
  #learn(error: unknown, { route, provider }: TunnelTarget, startedAt: number): void {
    const { health } = this.#parts.tools.turnTools.providers;
    if (error instanceof TunnelRefused && error.status < 500) health.reached(route, provider, startedAt);
    if (!(error instanceof ProviderFault)) return;
    const end = { kind: 'lost', fault: error, isStale: false } as const;
    const { cause } = judgeEnd(end, provider, { transport: 'websocket', isAnswered: false });
    if (cause === 'ConnectFailure') health.failed(route, provider, cause, startedAt);
  }

  /** Routes may have changed, and a drain have begun, since the client came. */
  #dialled(arrival: TunnelArrival, target: TunnelTarget, tunnel: Tunnel): void {
    const again = admit(arrival.head, true, this.#parts.context());
    const refuse = (result: HandshakeResult, answer: ErrorAnswer): void => {
      tunnel.terminate();
      arrival.refuse(result, answer, target.pattern);
    };
    if (again.kind === 'refused') return refuse(again.result, again.answer);
    const { group, rest, identity } = again;
    if (identity.tenant !== arrival.admitted.identity.tenant) return refuse('unauthorized', KEY_MOVED);
    if (!isPassedOn(group, target.route.id, rest)) return refuse('not_found', NOT_LISTED);
    this.#welcome(arrival, { tunnel, target });
  }

  #welcome(
    arrival: TunnelArrival,
    opened?: { readonly tunnel: Tunnel; readonly target: TunnelTarget },
  ): void {
    const { request, socket, firstBytes, admitted } = arrival;
    const welcome = {
      maxReceivedBytes: admitted.group.limits.maxMessageBytes,
      answersPings: false,
      protocol: opened?.tunnel.protocol,
      headers: opened?.tunnel.headers ?? {},
    };
    let isWelcome = false;
    this.#parts.doors.open(request, socket, firstBytes, welcome, (ws) => {
      if (opened === undefined) return ws.terminate();
      isWelcome = true;
      this.#parts.guests.welcomeTunnel(ws, socket, arrival, opened.tunnel, opened.target);
    });
    if (!isWelcome) opened?.tunnel.terminate(); // the client has left meanwhile
  }
}

const KEY_MOVED = refusal(
  'invalid_api_key',
  'The API key has become another client’s while the provider was dialled; connect again.',
);
const DRAINING = refusal('server_draining', 'This bridge is shutting down; connect again.');

/** Of refusals before a dial, by status; others are about what is not there. */
const RESULTS: ReadonlyMap<number, HandshakeResult> = new Map([
  [400, 'bad_request'],
  [503, 'not_ready'],
]);

/** What the library will accept: no provider is dialled for what is no handshake. */
function isHandshake({ headers }: IncomingMessage): boolean {
  const version = headers['sec-websocket-version'];
  const protocols = headers['sec-websocket-protocol'];
  return (
    /^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '') &&
    (version === '13' || version === '8') &&
    (protocols === undefined || areOffers(protocols))
  );
}

type ToldFailure = Pick<TurnFailure, 'answer' | 'errorType'>;

function toFailed({ route, provider, pattern }: TunnelTarget, errorType: string): FailedTunnel {
  return { route: route.id, provider: provider.name, path: pattern, errorType };
}

/** Why there is no tunnel, as the client hears it and as it is counted. */
function toAnswer(
  error: unknown,
  { provider, pattern }: TunnelTarget,
  isGone: boolean,
  isAborted: boolean,
): ToldFailure | 'gone' | 'leaving' | 'mistake' {
  if (isGone) return 'gone';
  if (isAborted) return 'leaving';
  if (error instanceof ProviderFault) {
    return fromAttemptEnd({ kind: 'lost', fault: error, isStale: false }, provider);
  }
  if (!(error instanceof TunnelRefused)) return 'mistake';
  if (NO_WEBSOCKET.has(error.status)) {
    const answer = refusal(
      'provider_unreachable',
      `Provider ${provider.name} has no WebSocket at ${pattern} below its URL: it answered the upgrade with status ${error.status}. Whoever runs the bridge has to correct the url, or to take the path out of relay.webSocketPaths.`,
    );
    return { answer, errorType: toErrorType(undefined, error.status) };
  }
  const { status, body } = error;
  // the answer's body is made anew, and a turn's state belongs to turns
  const headers = Object.fromEntries(
    Object.entries(error.headers).filter(([name]) => !NOT_OF_REFUSALS.has(name)),
  );
  return fromAttemptEnd(
    { kind: 'refused', phase: 'request', status, httpVersion: '1.1', headers, body },
    provider,
  );
}

/** Answers of those who do not know upgrades. A 404 may be about the model, and passes with the provider's words. */
const NO_WEBSOCKET: ReadonlySet<number> = new Set([200, 405, 426, 501]);

const NOT_OF_REFUSALS: ReadonlySet<string> = new Set([...RELAYED_BODY_HEADERS, 'x-codex-turn-state']);
