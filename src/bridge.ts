/**
 * Joins the steps of a turn into one process: where routes come from, who listens, what is announced to whom.
 * cmd/bridge.ts starts it with flags, tests start it the same way.
 */
import type { AddressInfo } from 'node:net';
import { ClientListener } from './client/listener.ts';
import type { BridgeOptions } from './bridge-options.ts';
import { FrameCounts } from './client/facts.ts';
import { EventLatency } from './events/event-latency.ts';
import { EVENT_TYPES } from './events/event-type.ts';
import { drain, type DrainTimes } from './drain.ts';
import { HttpSseTransport } from './provider/http-sse.ts';
import { Transports } from './provider/transports.ts';
import { WebSocketTransport } from './provider/websocket.ts';
import type { Snapshot } from './route/snapshot.ts';
import { toRouteFeed } from './route-feed.ts';
import { toSnapshotNumbers, toSnapshotView, type RouteFeed } from './served-routes.ts';
import type { Tracing } from './telemetry/spans/open-tracing.ts';
import { errorFields } from './telemetry/log/error-fields.ts';
import {
  openObservers,
  openTracingIfWanted,
  type Observers,
  type TelemetrySettings,
} from './telemetry/observers.ts';
import { openOpsListener, type OpsListener } from './telemetry/ops/ops-listener.ts';
import { TlsFeed } from './tls-feed.ts';
import { Budget } from './turn/budget.ts';
import { systemClock } from './turn/clock.ts';
import { modelLabels } from './turn/model-label.ts';
import { newProviderChoice, type ProviderChoice } from './turn/provider-choice.ts';
import { Pseudonyms } from './turn/pseudonyms.ts';
import { TranscriptStore } from './turn/transcript.ts';

export type { DrainTimes } from './drain.ts';
export type { BridgeOptions, BridgeTelemetry, BudgetSizes, HostAndPort } from './bridge-options.ts';
export { BrokenRoutes } from './file-feed.ts';
export { BrokenTls } from './tls-feed.ts';
export type { RouteOrigin } from './served-routes.ts';

type Phase = 'serving' | 'draining' | 'closed';

/**
 * Starts a bridge. Without a route it runs and is not ready.
 * @throws BrokenRoutes when the routes have errors; BrokenTls when the certificate cannot be served; Error when an address cannot be had. Nothing stays open then.
 */
export async function openBridge(options: BridgeOptions): Promise<Bridge> {
  const tracing = await openTracingIfWanted(options);
  let parts: BridgeParts | undefined;
  try {
    parts = new BridgeParts(options, tracing);
    await parts.open();
  } catch (error) {
    await (parts === undefined ? tracing?.close() : parts.close());
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
  readonly #transport: Transports;
  readonly #inbound: Budget;
  readonly #clientSend: Budget;
  readonly #answers: Budget;
  readonly #transcripts: TranscriptStore;
  readonly #providers: ProviderChoice;
  readonly #observers: Observers;
  readonly #routes: RouteFeed;
  readonly #listener: ClientListener;
  /** Undefined: plain HTTP. */
  readonly #tls: TlsFeed | undefined;
  #ops: OpsListener | undefined;
  #address: AddressInfo | undefined;
  /** Aborted when everything ends now: a drain that still waits does not hold the process. */
  readonly #leaving = new AbortController();
  #phase: Phase = 'serving';
  #drained: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: BridgeOptions, tracing: Tracing | undefined) {
    this.#options = options;
    const { log, budgets } = options;
    const onMistake = (error: unknown): void =>
      log.error('bridge.mistake', 'the bridge made a mistake', errorFields(error));
    this.#inbound = new Budget('inbound', budgets.inboundBytes, onMistake);
    this.#clientSend = new Budget('client_send', budgets.clientSendBytes, onMistake);
    this.#answers = new Budget('answers', budgets.answerBytes, onMistake);
    const counts = new FrameCounts(EVENT_TYPES.length);
    this.#observers = openObservers({
      settings: options.telemetry,
      tracing,
      log,
      version: options.version,
      nodeVersion: options.nodeVersion,
      revision: options.telemetry.revision,
      memoryLimitBytes: options.telemetry.memoryLimitBytes,
      gauges: this.#gauges(),
      frameCounts: counts,
      eventNames: EVENT_TYPES.map(({ name }) => name),
      clock: systemClock,
      ready: () => this.#readiness(),
    });
    const { turnFacts, clientFacts, metrics, page } = this.#observers;
    const latency = new EventLatency((seconds) => metrics.observeEventLatency(seconds));
    const ways = { proxy: options.proxy, answers: this.#answers, latency, onMistake };
    this.#transport = new Transports(
      new HttpSseTransport(ways),
      new WebSocketTransport({ ...ways, facts: this.#observers.socketFacts }),
    );
    this.#routes = toRouteFeed(options.routes, {
      log,
      userAgent: `turnbridge/${options.version}`,
      onSnapshot: (snapshot) => this.#use(snapshot),
      onReload: (result) => {
        metrics.configReload(result);
        page?.configReload(result);
      },
    });
    this.#providers = newProviderChoice(systemClock, turnFacts, Math.random);
    this.#transcripts = new TranscriptStore(
      new Budget('transcripts', budgets.transcriptBytes, onMistake),
      (connectionId, bytes) => turnFacts({ kind: 'transcript.evicted', connectionId, bytes }),
    );
    this.#listener = new ClientListener({
      ...options.listen,
      isSecure: options.tlsFolder !== undefined,
      maxConnections: options.maxConnections,
      installationId: options.installationId,
      tools: {
        turnTools: {
          transport: this.#transport,
          providers: this.#providers,
          clock: systemClock,
          facts: turnFacts,
          pseudonyms: new Pseudonyms(options.telemetry.idKey),
          propagation: options.telemetry.propagation,
          readsDetails: tracing !== undefined,
        },
        transcripts: this.#transcripts,
        facts: clientFacts,
        counts,
        latency,
        inbound: this.#inbound,
        clientSend: this.#clientSend,
        settings: options.settings,
      },
    });
    this.#tls = options.tlsFolder === undefined ? undefined : this.#tlsFeed(options.tlsFolder);
  }

  #tlsFeed(folder: string): TlsFeed {
    return new TlsFeed({
      folder,
      log: this.#options.log,
      onPair: (pair) => this.#listener.present(pair),
      onReload: (result) => this.#observers.metrics.tlsReload(result),
      wallNow: () => Date.now(),
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
    const { opsListen, log } = this.#options;
    await this.#routes.open();
    await this.#tls?.open();
    this.#address = await this.#listener.listen();
    this.#ops = await openOpsListener({
      ...opsListen,
      ready: () => this.#readiness(),
      metrics: this.#observers.metrics,
      page: this.#observers.page,
      snapshot: () => toSnapshotView(this.#routes.served),
    });
    log.info('process.start', 'bridge started', {
      listen: this.address,
      tls: this.#tls !== undefined,
      ops_listen: this.opsAddress,
      ...telemetryFields(this.#options.telemetry),
      ...this.#routes.fields,
    });
    this.#routes.announce();
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
    await this.#routes.close();
    await this.#tls?.close();
    // turns that still run hear that it was us; what is written now is with the kernel before the sockets go
    this.#listener.cut();
    await new Promise<void>((resolve) => setImmediate(resolve));
    await this.#listener.close();
    await this.#transport.close();
    await this.#observers.close();
    await this.#ops?.close(); // last: until then it can be seen what goes on
  }

  #use(snapshot: Snapshot): void {
    const { metrics, page } = this.#observers;
    metrics.initialise(modelLabels(snapshot));
    page?.serves(snapshot);
    this.#providers.health.keepOnly(snapshot.routes);
    this.#listener.use(snapshot);
  }

  #readiness(): { readonly ready: boolean; readonly reason?: string } {
    if (this.#phase !== 'serving') return { ready: false, reason: 'draining' };
    if (this.#routes.served === undefined) return { ready: false, reason: this.#routes.waitsFor };
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
      providerConnections: () => this.#transport.connections(),
      providerHealth: () => this.#providers.health.list(),
      withoutWebSocket: () => this.#providers.transports.list(),
      transcriptBytes: () => this.#transcripts.budget.usedBytes,
      ready: () => this.#readiness().ready,
      draining: () => this.#phase !== 'serving',
      snapshot: () => toSnapshotNumbers(this.#routes),
      tls: () => this.#tls?.numbers,
    };
  }
}

/** Where traces go, if they do; whoever looks for them looks here first. */
function telemetryFields({ tracing, opsPage }: TelemetrySettings) {
  const receiver = tracing && { traces_to: new URL(tracing.url).host, trace_ratio: tracing.ratio };
  return { ops_page: opsPage, ...receiver };
}

function addressText({ address, port, family }: AddressInfo): string {
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
}
