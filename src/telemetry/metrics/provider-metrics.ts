/** Counts what is announced of providers: fallbacks, failover, rests, limits, and the connections to them. */
import type { SocketFact, SocketFactListener } from '../../provider/socket-facts.ts';
import type { RateLimitWindow, TurnFact, TurnFactListener } from '../../turn/facts.ts';
import { CLOSE_CODES, LABEL_NONE, LABEL_OTHER } from '../names.ts';
import type { Meter, Reading } from './meter.ts';
import type { Gauges } from './process-metrics.ts';
import { PROVIDER_CATALOGUE } from './provider-catalogue.ts';

/** Windows are shorter than this, mostly: what a provider said earlier says nothing about now. */
const WINDOW_KEPT_MS = 10 * 60_000;
/** Providers of routes whose last window is kept; beyond them the one heard of longest ago goes. */
const MAX_WINDOWS = 200;

export interface ProviderMetrics {
  readonly turnFacts: TurnFactListener;
  readonly socketFacts: SocketFactListener;
}

/**
 * Registers the metrics of providers, but for those of attempts.
 * @param now milliseconds; any clock that goes forward
 */
export function providerMetrics(meter: Meter, gauges: Gauges, now: () => number): ProviderMetrics {
  const failovers = meter.counter(PROVIDER_CATALOGUE.failovers);
  const denied = meter.counter(PROVIDER_CATALOGUE.failoversDenied);
  const fallbacks = meter.counter(PROVIDER_CATALOGUE.transportFallbacks);
  const ejections = meter.counter(PROVIDER_CATALOGUE.providerEjections);
  const windows = rateLimitGauge(meter, now);
  meter.readGauge(PROVIDER_CATALOGUE.providerEjected, () =>
    (gauges.providerHealth?.() ?? []).map(({ route, provider, isResting }) => ({
      labels: { route, provider },
      value: isResting ? 1 : 0,
    })),
  );
  const turnFacts = (fact: TurnFact): void => {
    if (fact.kind === 'turn.failover') failovers.add({ from: fact.from, to: fact.to, reason: fact.cause });
    else if (fact.kind === 'turn.failover-denied')
      denied.add({ provider: fact.provider, reason: fact.reason });
    else if (fact.kind === 'turn.transport-fallback')
      fallbacks.add({ provider: fact.provider, reason: fact.reason });
    else if (fact.kind === 'provider.ejected')
      ejections.add({ route: fact.route, provider: fact.provider, reason: fact.why });
    else if (fact.kind === 'provider.rate-limit') windows(fact.route, fact.provider, fact.window);
  };
  return { turnFacts, socketFacts: socketMetrics(meter, gauges) };
}

function rateLimitGauge(meter: Meter, now: () => number) {
  interface Kept {
    readonly at: number;
    readonly readings: readonly Reading<'route' | 'provider' | 'kind'>[];
  }
  /** The one heard of longest ago first. */
  const kept = new Map<string, Kept>();
  meter.readGauge(PROVIDER_CATALOGUE.rateLimitRemaining, () => {
    const oldest = now() - WINDOW_KEPT_MS;
    for (const [key, { at }] of kept) if (at < oldest) kept.delete(key);
    return [...kept.values()].flatMap(({ readings }) => readings);
  });
  return (route: string, provider: string, { requests, tokens }: RateLimitWindow): void => {
    const key = `${route}\n${provider}`;
    kept.delete(key);
    if (kept.size >= MAX_WINDOWS) kept.delete(kept.keys().next().value ?? '');
    const readings = Object.entries({ requests, tokens }).flatMap(([kind, value]) =>
      value === undefined ? [] : [{ labels: { route, provider, kind }, value }],
    );
    kept.set(key, { at: now(), readings });
  };
}

function socketMetrics(meter: Meter, gauges: Gauges): SocketFactListener {
  const opened = meter.counter(PROVIDER_CATALOGUE.providerSocketsOpened);
  const closed = meter.counter(PROVIDER_CATALOGUE.providerSocketsClosed);
  const turns = meter.histogram(PROVIDER_CATALOGUE.providerSocketTurns);
  meter.readGauge(PROVIDER_CATALOGUE.providerConnections, () =>
    (gauges.providerConnections?.() ?? []).flatMap(({ provider, transport, active, idle }) => [
      { labels: { provider, transport, state: 'active' }, value: active },
      { labels: { provider, transport, state: 'idle' }, value: idle },
    ]),
  );
  const codes = new Set(CLOSE_CODES);
  return (fact: SocketFact): void => {
    const { provider } = fact;
    if (fact.kind === 'provider-socket.opened') {
      opened.add({ provider, use: fact.use });
      return;
    }
    const code = fact.closeCode === undefined ? LABEL_NONE : String(fact.closeCode);
    closed.add({
      provider,
      reason: fact.reason,
      code: codes.has(code) || code === LABEL_NONE ? code : LABEL_OTHER,
    });
    if (fact.use === 'turns') turns.observe({ provider }, fact.turns);
  };
}
