/**
 * Everybody who listens to the facts of turns and clients, in the order in which they must hear them: the tracer puts
 * the trace's ids into the records, which metrics (as exemplars), the log and the page then show.
 */
import type { ClientFact, ClientFactListener, FrameCounts } from '../client/facts.ts';
import type { SocketFact, SocketFactListener } from '../provider/socket-facts.ts';
import type { TurnFact, TurnFactListener } from '../turn/facts.ts';
import { errorFields } from './log/error-fields.ts';
import type { Log } from './log/log.ts';
import { turnLog } from './log/turn-log.ts';
import { openMetrics, type Metrics } from './metrics/metrics.ts';
import type { Gauges } from './metrics/process-metrics.ts';
import { openOpsPage, type OpsPage, type OpsPageOptions } from './page/ops-page.ts';
import type { Semconv } from './names.ts';
import { NO_SPANS } from './span-stats.ts';
import type { Tracing } from './spans/open-tracing.ts';

export interface TelemetrySettings {
  /** Where traces go; undefined: there are none, and nothing of OpenTelemetry is loaded. */
  readonly tracing: { readonly url: string; readonly ratio: number } | undefined;
  readonly semconv: Semconv;
  /** Whether there are metrics under the names of the GenAI conventions too. */
  readonly genaiMetrics: boolean;
  readonly opsPage: 'loopback' | 'public' | 'off';
}

export interface ObserversOptions {
  readonly settings: TelemetrySettings;
  readonly tracing: Tracing | undefined;
  readonly log: Log;
  readonly version: string;
  readonly nodeVersion: string;
  /** The commit this was built from. */
  readonly revision: string | undefined;
  readonly memoryLimitBytes: number | undefined;
  readonly gauges: Gauges;
  readonly frameCounts: FrameCounts;
  /** Of the event catalogue, by index. */
  readonly eventNames: readonly string[];
  readonly clock: OpsPageOptions['clock'];
  readonly ready: OpsPageOptions['ready'];
}

export interface Observers {
  readonly turnFacts: TurnFactListener;
  readonly clientFacts: ClientFactListener;
  /** Of the WebSockets to providers. */
  readonly socketFacts: SocketFactListener;
  readonly metrics: Metrics;
  /** Undefined: it is switched off. */
  readonly page: OpsPage | undefined;
  /** Sends what traces wait, and stops listening. May be called twice. */
  close(): Promise<void>;
}

/** Opens all of them, and owns the tracing from now on. The caller closes what it gets; the log stays its owner's. */
export function openObservers(options: ObserversOptions): Observers {
  const { log, settings, tracing } = options;
  const metrics = openMetrics({
    version: options.version,
    node: options.nodeVersion,
    ...(options.revision !== undefined && { revision: options.revision }),
    gauges: options.gauges,
    frameCounts: options.frameCounts,
    eventNames: options.eventNames,
    logStats: () => log.stats,
    spanStats: () => tracing?.stats ?? NO_SPANS,
    memoryLimitBytes: options.memoryLimitBytes,
    genai: settings.genaiMetrics,
    semconv: settings.semconv,
    onSeriesDropped: (metric) =>
      log.warnRepeated(`series:${metric}`, 'telemetry.series', 'a metric has as many series as it may', {
        metric,
      }),
  });
  const page = openPageIfWanted(options);
  const lines = turnLog(log);
  let closed: Promise<void> | undefined;
  return {
    turnFacts: inTurn<TurnFact>(log, [
      tracing?.turnFacts,
      metrics.turnFacts,
      lines.turnFacts,
      page && ((fact) => page.turnFacts(fact)),
    ]),
    clientFacts: inTurn<ClientFact>(log, [
      tracing?.clientFacts,
      metrics.clientFacts,
      lines.clientFacts,
      page && ((fact) => page.clientFacts(fact)),
    ]),
    socketFacts: inTurn<SocketFact>(log, [metrics.socketFacts]),
    metrics,
    page,
    close: () =>
      (closed ??= (async () => {
        page?.close();
        metrics.close();
        await tracing?.close();
      })()),
  };
}

/** One after the other. What one of them throws is logged, and neither the others nor the turn hear of it. */
function inTurn<F>(log: Log, listeners: readonly (((fact: F) => void) | undefined)[]): (fact: F) => void {
  const present = listeners.filter((listener) => listener !== undefined);
  return (fact) => {
    for (const listener of present) {
      try {
        listener(fact);
      } catch (error) {
        log.warnRepeated('listener', 'bridge.mistake', 'the bridge made a mistake', errorFields(error));
      }
    }
  };
}

/** Loads OpenTelemetry if traces are to go anywhere. */
export async function openTracingIfWanted({
  telemetry: { tracing, semconv },
  version,
  log,
}: {
  readonly telemetry: TelemetrySettings;
  readonly version: string;
  readonly log: Log;
}): Promise<Tracing | undefined> {
  if (tracing === undefined) return undefined;
  const { openTracing } = await import('./spans/open-tracing.ts');
  return openTracing({
    ...tracing,
    semconv,
    version,
    onLost: ({ how, spans, reason }) =>
      log.warnRepeated(`spans:${how}`, 'telemetry.drop', LOST_SPANS[how], {
        result: how,
        spans,
        reason,
        receiver: new URL(tracing.url).host,
      }),
  });
}

const LOST_SPANS = {
  dropped: 'spans were dropped: more wait for the receiver of traces than may',
  failed: 'spans were lost: the receiver of traces did not take them',
  unsent: 'spans were lost: the receiver of traces had not taken them when the process left',
} as const;

function openPageIfWanted(options: ObserversOptions): OpsPage | undefined {
  const { settings, version, clock, ready, log } = options;
  if (settings.opsPage === 'off') return undefined;
  return openOpsPage({
    access: settings.opsPage,
    version,
    clock,
    wallNow: () => Date.now(),
    ready,
    providers: options.gauges,
    onMistake: (error) => log.error('bridge.mistake', 'the bridge made a mistake', errorFields(error)),
  });
}
