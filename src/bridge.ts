/**
 * Joins the steps of a turn into one process: where routes come from, who listens, what is announced to whom.
 * cmd/bridge.ts starts it with flags, tests start it the same way.
 */
import type { AddressInfo } from 'node:net';
import { ClientListener } from './client/listener.ts';
import type { ConnectionSettings } from './client/connection-tools.ts';
import { FrameCounts, type ClientFact } from './client/facts.ts';
import { openFileSource, type FileSource } from './config/file-source.ts';
import { formatProblem, type LocatedProblem } from './config/problem.ts';
import type { Environment } from './config/variables.ts';
import { EVENT_TYPES } from './events/event-type.ts';
import { drain, type DrainTimes } from './drain.ts';
import { HttpSseTransport } from './provider/http-sse.ts';
import type { OutboundProxy } from './provider/provider-pool.ts';
import type { Snapshot } from './route/snapshot.ts';
import { errorFields } from './telemetry/log/error-fields.ts';
import type { Log } from './telemetry/log/log.ts';
import { openMetrics, type Metrics } from './telemetry/metrics/metrics.ts';
import { openOpsListener, type OpsListener } from './telemetry/ops/ops-listener.ts';
import { turnLog } from './telemetry/log/turn-log.ts';
import { Budget } from './turn/budget.ts';
import { systemClock } from './turn/clock.ts';
import type { TurnFact } from './turn/facts.ts';
import { TranscriptStore } from './turn/transcript.ts';

export type { DrainTimes } from './drain.ts';

export interface BridgeOptions {
  /** A file or folder of routes. */
  readonly routesPath: string;
  /** For `${NAME}` in Secrets. */
  readonly env: Environment;
  readonly listen: HostAndPort;
  readonly opsListen: HostAndPort;
  readonly log: Log;
  readonly version: string;
  readonly nodeVersion: string;
  /** Names this installation in `x-turnbridge-via`. */
  readonly installationId: string;
  readonly proxy: OutboundProxy;
  readonly maxConnections: number;
  readonly budgets: BudgetSizes;
  readonly settings: ConnectionSettings;
}

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

/** Bytes that may wait in the whole process. */
export interface BudgetSizes {
  readonly inboundBytes: number;
  readonly clientSendBytes: number;
  readonly transcriptBytes: number;
  readonly answerBytes: number;
}

/** Routes that cannot be served, at the start. */
export class BrokenRoutes extends Error {
  readonly problems: readonly LocatedProblem[];

  constructor(problems: readonly LocatedProblem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.name = 'BrokenRoutes';
    this.problems = problems;
  }
}

type Phase = 'serving' | 'draining' | 'closed';

/**
 * Starts a bridge. Without a route it runs and is not ready.
 * @throws BrokenRoutes when the routes have errors; Error when an address cannot be had. Nothing stays open then.
 */
export async function openBridge(options: BridgeOptions): Promise<Bridge> {
  const parts = new BridgeParts(options);
  try {
    await parts.open();
  } catch (error) {
    await parts.close();
    throw error;
  }
  return parts;
}

export interface Bridge {
  /** Where clients are served: `host:port`, as bound. */
  readonly address: string;
  readonly port: number;
  readonly opsAddress: string;
  readonly opsPort: number;
  /** Bytes that wait now, by budget; all zero when nothing runs. */
  readonly usedBytes: {
    readonly inbound: number;
    readonly clientSend: number;
    readonly transcripts: number;
    readonly answers: number;
  };
  readonly connections: number;
  /** Lets turns finish and leaves; a second call hears of the same drain. */
  drain(times: DrainTimes): Promise<void>;
  /** Ends everything now. May be called twice. */
  close(): Promise<void>;
}

class BridgeParts implements Bridge {
  readonly #options: BridgeOptions;
  readonly #transport: HttpSseTransport;
  readonly #inbound: Budget;
  readonly #clientSend: Budget;
  readonly #answers: Budget;
  readonly #transcripts: TranscriptStore;
  readonly #metrics: Metrics;
  readonly #listener: ClientListener;
  #source: FileSource | undefined;
  #ops: OpsListener | undefined;
  #address: AddressInfo | undefined;
  #snapshot: Snapshot | undefined;
  /** The files have errors now; what is served are the last good ones. */
  #hasBrokenRoutes = false;
  /** Aborted when everything ends now: a drain that still waits does not hold the process. */
  readonly #leaving = new AbortController();
  #phase: Phase = 'serving';
  #drained: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: BridgeOptions) {
    this.#options = options;
    const { log, budgets } = options;
    const onMistake = (error: unknown): void =>
      log.error('bridge.mistake', 'the bridge made a mistake', errorFields(error));
    this.#inbound = new Budget('inbound', budgets.inboundBytes, onMistake);
    this.#clientSend = new Budget('client_send', budgets.clientSendBytes, onMistake);
    this.#answers = new Budget('answers', budgets.answerBytes, onMistake);
    this.#transport = new HttpSseTransport({ proxy: options.proxy, answers: this.#answers, onMistake });
    const counts = new FrameCounts(EVENT_TYPES.length);
    this.#metrics = openMetrics({
      version: options.version,
      node: options.nodeVersion,
      gauges: this.#gauges(),
      frameCounts: counts,
      eventNames: EVENT_TYPES.map(({ name }) => name),
      logStats: () => log.stats,
      onSeriesDropped: (metric) =>
        log.warnRepeated(`series:${metric}`, 'telemetry.series', 'a metric has as many series as it may', {
          metric,
        }),
    });
    const lines = turnLog(log);
    const turnFacts = (fact: TurnFact): void => {
      this.#metrics.turnFacts(fact);
      lines.turnFacts(fact);
    };
    const clientFacts = (fact: ClientFact): void => {
      this.#metrics.clientFacts(fact);
      lines.clientFacts(fact);
    };
    this.#transcripts = new TranscriptStore(
      new Budget('transcripts', budgets.transcriptBytes, onMistake),
      (connectionId, bytes) => turnFacts({ kind: 'transcript.evicted', connectionId, bytes }),
    );
    this.#listener = new ClientListener({
      ...options.listen,
      maxConnections: options.maxConnections,
      installationId: options.installationId,
      tools: {
        turnTools: { transport: this.#transport, clock: systemClock, facts: turnFacts },
        transcripts: this.#transcripts,
        facts: clientFacts,
        counts,
        inbound: this.#inbound,
        clientSend: this.#clientSend,
        settings: options.settings,
      },
    });
  }

  get address(): string {
    return this.#address === undefined ? '' : addressText(this.#address);
  }

  get port(): number {
    return this.#address?.port ?? 0;
  }

  get opsAddress(): string {
    return this.#ops?.address ?? '';
  }

  get opsPort(): number {
    return this.#ops?.port ?? 0;
  }

  get usedBytes() {
    return {
      inbound: this.#inbound.usedBytes,
      clientSend: this.#clientSend.usedBytes,
      transcripts: this.#transcripts.budget.usedBytes,
      answers: this.#answers.usedBytes,
    };
  }

  get connections(): number {
    return this.#listener.connections;
  }

  /** Routes first: an address that is open already answers. */
  async open(): Promise<void> {
    const { routesPath, env, opsListen, log } = this.#options;
    this.#source = await openFileSource(routesPath, {
      env,
      onProblems: (problems) => this.#onProblems(problems),
      onSnapshot: (snapshot) => this.#use(snapshot, 'routes changed'),
    });
    const { first } = this.#source;
    if (first.kind === 'broken') throw new BrokenRoutes(first.problems);
    if (first.snapshot !== undefined) this.#listener.use(first.snapshot);
    this.#snapshot = first.snapshot;
    this.#address = await this.#listener.listen();
    this.#ops = await openOpsListener({
      ...opsListen,
      ready: () => this.#readiness(),
      metrics: this.#metrics,
    });
    log.info('process.start', 'bridge started', {
      listen: this.address,
      ops_listen: this.opsAddress,
      routes: routesPath,
    });
    for (const problem of first.problems)
      log.warn('config.reload', 'route warning', { problem: formatProblem(problem) });
    if (first.snapshot === undefined)
      log.warn('config.reload', 'no route yet: running, not ready', { routes: routesPath });
    else log.info('process.ready', 'bridge ready', snapshotFields(first.snapshot));
  }

  drain(times: DrainTimes): Promise<void> {
    this.#drained ??= this.#drain(times);
    return this.#drained;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #drain(times: DrainTimes): Promise<void> {
    this.#phase = 'draining';
    await drain(this.#listener, times, this.#options.log, this.#leaving.signal);
    await this.close();
  }

  async #close(): Promise<void> {
    this.#phase = 'closed';
    this.#leaving.abort();
    await this.#source?.close();
    // turns that still run hear that it was us; what is written now is with the kernel before the sockets go
    this.#listener.cut();
    await new Promise<void>((resolve) => setImmediate(resolve));
    await this.#listener.close();
    await this.#ops?.close();
    await this.#transport.close();
  }

  #use(snapshot: Snapshot | undefined, message: string): void {
    const { log } = this.#options;
    this.#metrics.configReload('success');
    if (snapshot === undefined) {
      // the last good routes stay: an emptied folder is more often an accident than a wish
      log.warn('config.reload', 'the files hold no route any more: the last ones stay in effect');
      return;
    }
    const isFirst = this.#snapshot === undefined;
    this.#snapshot = snapshot;
    this.#listener.use(snapshot);
    log.info(
      isFirst ? 'process.ready' : 'config.reload',
      isFirst ? 'bridge ready' : message,
      snapshotFields(snapshot),
    );
  }

  #onProblems(problems: readonly LocatedProblem[]): void {
    const { log } = this.#options;
    const isBroken = problems.some(({ severity }) => severity === 'error');
    if (isBroken) this.#metrics.configReload('failure');
    else if (this.#hasBrokenRoutes) log.info('config.reload', 'the routes have no errors any more');
    this.#hasBrokenRoutes = isBroken;
    for (const problem of problems) {
      const fields = { problem: formatProblem(problem) };
      if (problem.severity === 'error')
        log.error('config.reload', 'route refused: the last good routes stay', fields);
      else log.warn('config.reload', 'route warning', fields);
    }
  }

  #readiness(): { readonly ready: boolean; readonly reason?: string } {
    if (this.#phase !== 'serving') return { ready: false, reason: 'draining' };
    if (this.#snapshot === undefined) return { ready: false, reason: 'no route yet' };
    return { ready: true };
  }

  #gauges() {
    return {
      connections: () => this.#listener.connections,
      connectionsLimit: () => this.#options.maxConnections,
      queuedBytes: () => ({
        answer: this.#answers.usedBytes,
        client_send: this.#clientSend.usedBytes,
        inbound: this.#inbound.usedBytes - this.#listener.laneQueueBytes,
        lane_queue: this.#listener.laneQueueBytes,
      }),
      transcriptBytes: () => this.#transcripts.budget.usedBytes,
      ready: () => this.#readiness().ready,
      draining: () => this.#phase === 'draining',
    };
  }
}

function snapshotFields(snapshot: Snapshot) {
  return { snapshot: snapshot.version, routes: snapshot.routes.length };
}

function addressText({ address, port, family }: AddressInfo): string {
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
}
