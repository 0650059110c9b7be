/**
 * One row of the error table: something that goes wrong, and what follows. The rows are data; run-row.ts makes each
 * of them happen to the real Codex CLI, and docs/errors.md shows them.
 */
import type { AnswerLike } from '../../../src/scripted/script.ts';
import type { WebSocketSettings } from '../../../src/scripted/websocket-settings.ts';
import type { ScriptedProvider } from '../../../src/scripted/scripted-provider.ts';
import type { RouteWishes, StartOptions, TestBridge } from '../../harness/bridge.ts';
import type { FlakyProxy } from '../../harness/flaky-proxy.ts';
import type { ClientTap } from '../client-tap.ts';
import type { CodexHomeOptions } from '../codex-home.ts';

export interface FaultRow {
  /** What happened, as a line of the table; also the name of its test. Unique. */
  readonly happened: string;
  /** Called once for each run: gates and counters begin anew. */
  readonly arrange: () => Arrangement;
  /** What reaches Codex beside a good answer, in the words of observe.ts; the same thing in a row once. */
  readonly gets: readonly string[];
  readonly does: Doing;
  /**
   * What the user sees beside the answer, in Codex's own words, shortened as observe.ts does it. Empty: nothing. The
   * answer itself is always {@link goodAnswer}, unless `answers` says otherwise.
   */
  readonly sees: readonly string[];
  /** Texts of the agent's messages, where they are not the good answer alone. */
  readonly answers?: readonly string[];
  /** What whoever runs the bridge, or whoever asks, should do. Empty: nothing. */
  readonly advice: string;
}

/** What Codex does, and how often it asked. */
export interface Doing {
  /**
   * - `goes on`: as if nothing had been.
   * - `reconnects`: the next turn opens a new socket; no retry is used.
   * - `tries again`: the same turn on a new socket, with the whole input, until it is answered; or by another POST,
   *   where there were no sockets from the start.
   * - `goes to HTTP`: after its retries, or at once; answered there, and for the rest of the thread.
   * - `stops`: at the first failure; the turn has failed.
   * - `gives up`: after all its retries, on the socket and then over HTTP; the turn has failed.
   */
  readonly how: 'goes on' | 'reconnects' | 'tries again' | 'goes to HTTP' | 'stops' | 'gives up';
  /** Handshakes, refused ones and that of the warm-up among them. Left out where their number is chance. */
  readonly sockets?: number;
  /** Turns sent on sockets, without warm-ups. */
  readonly turns: number;
  /** Turns sent by POST. */
  readonly posts: number;
  /** It waits at least this long before the last of them, because it was told to. */
  readonly afterS?: number;
}

/** How a fault is brought about. */
export interface Arrangement {
  /** The provider's answer to its n-th request, from 1; undefined: {@link goodAnswer}. */
  readonly provider?: (number: number) => AnswerLike | undefined;
  /** The provider has WebSockets, with these settings; the n-th request is then the n-th that is no warm-up. */
  readonly webSocket?: WebSocketSettings;
  /** The provider's `url` in the route, instead of the scripted provider's; what it needs is closed by the stage. */
  readonly providerUrl?: (stack: AsyncDisposableStack) => Promise<string>;
  readonly route?: RouteWishes;
  readonly secrets?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly bridge?: Partial<StartOptions>;
  readonly codex?: Partial<CodexHomeOptions>;
  /** What the user says, where it matters. */
  readonly prompt?: string;
  /** A network that can be spoilt stands between Codex and the bridge. */
  readonly hasNetwork?: true;
  /** Before Codex starts. */
  readonly before?: (stage: Stage) => Promise<void>;
  /** While Codex runs; it is waited for as well. */
  readonly meanwhile?: (stage: Stage) => Promise<void>;
  /** Codex runs two turns in one process, and this happens between them. */
  readonly between?: (stage: Stage) => Promise<void>;
}

/** What a run consists of, for those who spoil it. */
export interface Stage {
  readonly provider: ScriptedProvider;
  readonly bridge: TestBridge;
  readonly tap: ClientTap;
  /** @throws Error unless the arrangement has a network. */
  readonly network: FlakyProxy;
  /** The routes of the arrangement, as a file. */
  readonly routes: string;
  /** Starts another bridge with these routes; `tap.retarget` leads new connections there, as a balancer would. */
  openNext(): Promise<TestBridge>;
  /** Closed with the run, before the bridge. */
  own<T extends AsyncDisposable>(resource: T): T;
}

/** What the provider says when nothing is wrong. */
export const goodAnswer = 'The answer';

/** The first request meets the fault, the following ones are answered. */
export function once(fault: AnswerLike, more: Partial<Arrangement> = {}): () => Arrangement {
  return () => ({ provider: (number) => (number === 1 ? fault : undefined), ...more });
}

/** Every request meets the fault. Few retries: each of them takes its real time. */
export function always(fault: AnswerLike, more: Partial<Arrangement> = {}): () => Arrangement {
  return () => ({ provider: () => fault, codex: fewRetries, ...more });
}

/** What is waited for an answer that does not come, and what the next one has, on a machine that does much else. */
export const patienceSeconds = 3;

/** Only keep-alives hold Codex meanwhile. Several may be missed by a machine that stands still for a while. */
export const heldSilence = { keepaliveMs: 500, codexWaitsMs: 6_000, ms: 9_000 } as const;

/** One retry on the socket, one over HTTP. */
export const fewRetries = { streamMaxRetries: 1, requestMaxRetries: 0 } as const;
