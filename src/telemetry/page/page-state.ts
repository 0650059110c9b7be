/**
 * What the page on the ops port is told, as JSON: numbers, identifiers and words of closed sets. There is no field for
 * a prompt, a header, a query or a key. The page's own script (assets/) is checked against these types.
 */
import type {
  AttemptRecord,
  ClientKind,
  ContinuationResult,
  FallbackReason,
  TransportReason,
  TurnOutcome,
} from '../../turn/facts.ts';
import type { ConfigReloadResult, OutcomeClass } from '../names.ts';

export type { FallbackReason, TransportReason } from '../../turn/facts.ts';

/** Everything, sent to whoever begins to watch, and at `/state.json`. */
export interface PageState {
  readonly now: number;
  readonly process: ProcessView;
  readonly totals: TotalsView;
  /** In the order of their receipt, oldest first. */
  readonly turns: readonly TurnRow[];
  readonly connections: ConnectionsView;
  readonly providers: readonly ProviderView[];
  /** Undefined until there is a first route. */
  readonly routes: RoutesView | undefined;
  readonly limits: LimitsView;
}

/** What is new since the last message: rows replace those of the same id, other members replace what was there. */
export type PageChange = Pick<PageState, 'now'> & Partial<Omit<PageState, 'limits'>>;

export interface LimitsView {
  /** The last turns that ended, as many are kept. */
  readonly turns: number;
  /** Before them, so many that failed. */
  readonly olderFailures: number;
  /** Of providers. */
  readonly windowMs: number;
}

export interface ProcessView {
  readonly version: string;
  /** Milliseconds since 1970, as are all moments here that are no marks. */
  readonly startedAt: number;
  readonly isReady: boolean;
  /** Why it is not. */
  readonly reason: string | undefined;
}

/** Turns by where they are; ended ones since the start of the process. */
export interface TotalsView {
  readonly waiting: number;
  readonly running: number;
  readonly ended: Readonly<Record<OutcomeClass, number>>;
}

/** A turn. Marks are milliseconds since its receipt. */
export interface TurnRow {
  readonly id: string;
  readonly connection: string;
  /** n-th turn of its connection, from 1. */
  readonly index: number;
  readonly via: 'websocket' | 'http';
  readonly client: ClientKind;
  readonly lane: 'default' | 'named';
  readonly route: string | undefined;
  readonly provider: string | undefined;
  readonly model: string;
  readonly continuation: ContinuationResult;
  readonly state: 'waiting' | 'running' | 'ended';
  readonly outcome: TurnOutcome | undefined;
  readonly outcomeClass: OutcomeClass | undefined;
  /** The provider's, if it looks like an id: what its support asks for, and what a user's program shows. */
  readonly responseId: string | undefined;
  /** What the client heard of a failure. */
  readonly answerCode: string | undefined;
  readonly errorType: string | undefined;
  readonly status: number | undefined;
  readonly tokens: TokensView | undefined;
  /** When it was received. */
  readonly at: number;
  readonly startedMs: number | undefined;
  readonly firstEventMs: number | undefined;
  readonly firstOutputMs: number | undefined;
  /** When the provider was first paused because the client read slowly, and for how long in all. */
  readonly pausedFromMs: number | undefined;
  readonly pausedMs: number;
  readonly endedMs: number | undefined;
  /** Longest silence between two events. */
  readonly maxGapMs: number;
  /** What the bridge itself took before the request went out. */
  readonly overheadMs: number | undefined;
  readonly attemptCount: number;
  /** The latest ones. */
  readonly attempts: readonly AttemptMarks[];
  readonly events: number;
  readonly requestBytes: number;
  readonly bytesOut: number;
  /** Only where the trace is kept, so that it can be found. */
  readonly traceId: string | undefined;
}

export interface TokensView {
  readonly input: number;
  readonly cached: number;
  readonly output: number;
  readonly reasoning: number;
}

/** One attempt at a provider; marks as in {@link TurnRow}. */
export interface AttemptMarks {
  readonly number: number;
  readonly provider: string;
  readonly transport: 'http' | 'websocket';
  readonly reason: AttemptRecord['reason'];
  readonly transportReason: TransportReason;
  readonly startedMs: number;
  /** Undefined: it went out on a connection that was there. */
  readonly dialFromMs: number | undefined;
  readonly dialToMs: number | undefined;
  readonly answeredMs: number | undefined;
  readonly firstEventMs: number | undefined;
  readonly endedMs: number | undefined;
  /** What the provider called the request, if it looks like an id. */
  readonly requestId: string | undefined;
  readonly result: AttemptRecord['result'];
  readonly errorType: string | undefined;
  readonly status: number | undefined;
}

/** WebSocket connections of clients. */
export interface ConnectionsView {
  readonly open: number;
  readonly byClient: Readonly<Record<ClientKind, number>>;
  /** Oldest first; only the oldest and the newest where there are many. */
  readonly rows: readonly ConnectionRow[];
}

export interface ConnectionRow {
  readonly id: string;
  readonly client: ClientKind;
  /** Host and base path of its routes. */
  readonly group: string;
  readonly openedAt: number;
  readonly turns: number;
  /** Lanes in which a turn runs, and turns that wait. */
  readonly running: number;
  readonly waiting: number;
  /** Where it is passed on to frame by frame, at which path of the route; undefined where it has turns. */
  readonly passedOn: { readonly provider: string; readonly path: string } | undefined;
}

/** How a provider does: `idle` was not asked in the window, `failing` failed last, `resting` is left alone now. */
export type ProviderHealth = 'ok' | 'failing' | 'idle' | 'resting';

/** A provider of a route, from its attempts of the last minutes. */
export interface ProviderView {
  readonly route: string;
  readonly provider: string;
  readonly health: ProviderHealth;
  /** Attempts that ended in the window; aborted ones were not wanted any more, and say nothing of the provider. */
  readonly attempts: number;
  readonly failures: number;
  readonly lastError: { readonly type: string; readonly at: number } | undefined;
  readonly lastSuccessAt: number | undefined;
  /** Median time to the first event, of the attempts in the window that brought one. */
  readonly firstEventP50Ms: number | undefined;
  /** `[good, failed]` for each part of the window, oldest first. */
  readonly history: readonly (readonly [number, number])[];
  /** When it is asked again; undefined unless it rests. */
  readonly restsUntil: number | undefined;
  /** It failed too often in a row, or asked for time by `retry-after`; undefined unless it rests. */
  readonly restsBecause: 'failures' | 'retry_after' | undefined;
  readonly reach: ReachView;
  /** What it said last of its limits, and when. */
  readonly limits:
    | { readonly requests: number | undefined; readonly tokens: number | undefined; readonly at: number }
    | undefined;
}

/** How a provider is reached. */
export interface ReachView {
  /** Of the last attempt, and why so; undefined before the first. */
  readonly transport: 'http' | 'websocket' | undefined;
  readonly reason: TransportReason | undefined;
  /** When a turn last travelled over HTTP though a WebSocket was preferred. */
  readonly lastFallback: { readonly reason: FallbackReason; readonly at: number } | undefined;
  /** It refused its WebSocket with this status, and is asked again then. */
  readonly noWebSocket: { readonly status: number | undefined; readonly until: number } | undefined;
  /** Its WebSockets that carry a turn, and those that wait for one; undefined when there are none. */
  readonly sockets: { readonly active: number; readonly idle: number } | undefined;
}

/** The routes in effect. */
export interface RoutesView {
  readonly version: string;
  readonly since: number;
  readonly lastReload: { readonly result: ConfigReloadResult; readonly at: number } | undefined;
  readonly rows: readonly RouteRow[];
  /** How many more there are than rows. */
  readonly omitted: number;
}

export interface RouteRow {
  readonly id: string;
  /** `hostname/path` of each place where it is served; `*` is any host. */
  readonly places: readonly string[];
  /** Models that it names; empty: any. */
  readonly models: readonly string[];
  /** Name, and scheme, host and port: no path, no query, no key. */
  readonly providers: readonly { readonly name: string; readonly origin: string }[];
}
