/** Counts WebSockets of clients that are passed on to a provider frame by frame. They are connections without turns. */
import type { TunnelRecord } from '../../client/facts.ts';
import { LABEL_NONE } from '../names.ts';
import { CATALOGUE } from './metric-catalogue.ts';
import type { Meter } from './meter.ts';

export interface TunnelMetrics {
  opened(tunnel: TunnelRecord): void;
  closed(tunnel: TunnelRecord): void;
}

/** Registers them. Holds a record from `tunnel.opened` to `tunnel.closed`, which always comes. */
export function tunnelMetrics(meter: Meter): TunnelMetrics {
  const open = new Set<TunnelRecord>();
  const ended = meter.counter(CATALOGUE.tunnels);
  const bytes = meter.counter(CATALOGUE.tunnelBytes);
  meter.readGauge(CATALOGUE.tunnelsActive, () => {
    const counts = new Map<string, number>();
    for (const { provider } of open) counts.set(provider, (counts.get(provider) ?? 0) + 1);
    return [...counts].map(([provider, value]) => ({ labels: { provider }, value }));
  });
  return {
    opened: (tunnel) => open.add(tunnel),
    closed: (tunnel) => {
      open.delete(tunnel);
      const { route, provider, endedBy = LABEL_NONE, bytesIn, bytesOut } = tunnel;
      ended.add({ route, provider, ended_by: endedBy });
      bytes.add({ provider, direction: 'in' }, bytesIn);
      bytes.add({ provider, direction: 'out' }, bytesOut);
    },
  };
}
