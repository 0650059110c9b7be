import { describe, expect, test } from '@jest/globals';
import type { Metrics } from '../../../src/telemetry/metrics/metrics.ts';
import { open, plainGauges, scrape } from './metrics-setup.ts';
import { tunnelRecord, turnRecord } from './records.ts';

const OF = { route: 'ai/coding', provider: 'one' };

async function samplesOf(metrics: Metrics, name: string): Promise<Record<string, number>> {
  const prefix = `turnbridge_${name}`;
  const found = [...(await scrape(metrics))].filter(([sample]) => sample.startsWith(`${prefix}{`));
  return Object.fromEntries(found.map(([sample, value]) => [sample.slice(prefix.length), value]));
}

describe('choices between providers', () => {
  test('are counted by who was left, who was asked instead, and why', async () => {
    const metrics = open();
    const turn = turnRecord();
    for (let count = 0; count < 2; count++)
      metrics.turnFacts({ kind: 'turn.failover', turn, from: 'one', to: 'two', cause: 'ServerError' });
    metrics.turnFacts({
      kind: 'turn.failover-denied',
      turn,
      provider: 'one',
      providers: 2,
      reason: 'budget',
    });
    metrics.turnFacts({
      kind: 'turn.transport-fallback',
      turn,
      provider: 'one',
      known: 'now',
      reason: 'handshake_timeout',
    });
    expect(await samplesOf(metrics, 'provider_failovers_total')).toEqual({
      '{from="one",to="two",reason="ServerError"}': 2,
    });
    expect(await samplesOf(metrics, 'provider_failovers_denied_total')).toEqual({
      '{provider="one",reason="budget"}': 1,
    });
    expect(await samplesOf(metrics, 'provider_transport_fallbacks_total')).toEqual({
      '{provider="one",reason="handshake_timeout"}': 1,
    });
  });

  test('leave a bounded number of series, whatever routes are called', async () => {
    const metrics = open();
    for (let n = 0; n < 300; n++) {
      const [from, to] = [`p-${n}`, `p-${n + 1}`];
      metrics.turnFacts({ kind: 'turn.failover', turn: turnRecord(), from, to, cause: 'Timeout' });
      metrics.turnFacts({
        kind: 'provider.rate-limit',
        route: `ns/${n}`,
        provider: from,
        window: { requests: 1, tokens: 1 },
      });
    }
    const samples = await samplesOf(metrics, 'provider_failovers_total');
    expect(Object.keys(samples).length).toBeLessThan(110);
    expect(samples['{from="other",to="other",reason="Timeout"}']).toBeGreaterThan(190);
    const windows = await samplesOf(metrics, 'provider_rate_limit_remaining_ratio');
    expect(Object.keys(windows).length).toBeLessThan(410);
  });

  test('show who is left alone now, and how often that came', async () => {
    let isResting = true;
    const metrics = open({
      gauges: { ...plainGauges, providerHealth: () => [{ ...OF, isResting, restsForMs: 5 }] },
    });
    metrics.turnFacts({ kind: 'provider.ejected', ...OF, why: 'retry_after', forMs: 5 });
    const label = '{route="ai/coding",provider="one"}';
    expect(await samplesOf(metrics, 'provider_ejected')).toEqual({ [label]: 1 });
    isResting = false;
    metrics.turnFacts({ kind: 'provider.returned', ...OF });
    expect(await samplesOf(metrics, 'provider_ejected')).toEqual({ [label]: 0 });
    expect(await samplesOf(metrics, 'provider_ejections_total')).toEqual({
      '{route="ai/coding",provider="one",reason="retry_after"}': 1,
    });
  });

  test('show what is left of a limit as it was last said, for ten minutes', async () => {
    let now = 0;
    const metrics = open({ now: () => now });
    const say = (requests: number | undefined, tokens: number | undefined) =>
      metrics.turnFacts({ kind: 'provider.rate-limit', ...OF, window: { requests, tokens } });
    say(0.9, 0.8);
    say(0.5, undefined);
    now = 600_000;
    expect(await samplesOf(metrics, 'provider_rate_limit_remaining_ratio')).toEqual({
      '{route="ai/coding",provider="one",kind="requests"}': 0.5,
    });
    now++;
    expect(await samplesOf(metrics, 'provider_rate_limit_remaining_ratio')).toEqual({});
  });
});

describe('WebSockets to providers', () => {
  test('are counted when they open and end: dials per turn can be told from them', async () => {
    const metrics = open();
    const socket = { ...OF, use: 'turns' } as const;
    const end = { kind: 'provider-socket.closed', ...socket, ageMs: 5 } as const;
    for (let count = 0; count < 3; count++)
      metrics.socketFacts({ kind: 'provider-socket.opened', ...socket });
    metrics.socketFacts({ ...end, reason: 'remote', closeCode: 1012, turns: 4 });
    metrics.socketFacts({ ...end, reason: 'remote', closeCode: 4321, turns: 0 });
    metrics.socketFacts({ ...end, reason: 'lost', closeCode: undefined, turns: 2 });
    expect(await samplesOf(metrics, 'provider_websockets_opened_total')).toEqual({
      '{provider="one",use="turns"}': 3,
    });
    expect(await samplesOf(metrics, 'provider_websockets_closed_total')).toEqual({
      '{provider="one",reason="remote",code="1012"}': 1,
      '{provider="one",reason="remote",code="other"}': 1,
      '{provider="one",reason="lost",code="none"}': 1,
    });
    expect(await samplesOf(metrics, 'provider_websocket_turns_sum')).toEqual({ '{provider="one"}': 6 });
  });

  test('that are open are read at each scrape, those of the same provider added up', async () => {
    const connections = { ...OF, transport: 'websocket', active: 2, idle: 3 } as const;
    const metrics = open({
      gauges: {
        ...plainGauges,
        providerConnections: () => [connections, { ...connections, route: 'ai/other' }],
      },
    });
    expect(await samplesOf(metrics, 'provider_connections')).toEqual({
      '{provider="one",transport="websocket",state="active"}': 4,
      '{provider="one",transport="websocket",state="idle"}': 6,
    });
  });
});

test('WebSockets that are passed on are connections, and counted by themselves', async () => {
  const metrics = open();
  const tunnel = tunnelRecord({ provider: 'one' });
  metrics.clientFacts({ kind: 'tunnel.opened', tunnel });
  expect(await samplesOf(metrics, 'tunnels_active')).toEqual({ '{provider="one"}': 1 });
  metrics.clientFacts({ kind: 'tunnel.closed', tunnel });
  expect(await samplesOf(metrics, 'tunnels_active')).toEqual({});
  expect(await samplesOf(metrics, 'tunnels_total')).toEqual({
    '{route="ai/coding",provider="one",ended_by="provider"}': 1,
  });
  expect(await samplesOf(metrics, 'tunnel_bytes_total')).toEqual({
    '{provider="one",direction="in"}': 5000,
    '{provider="one",direction="out"}': 90_000,
  });
  const samples = await scrape(metrics);
  expect(samples.get('turnbridge_client_connections_opened_total{client="codex"}')).toBe(1);
  expect(samples.get('turnbridge_client_connection_duration_seconds_count')).toBe(1);
  expect(samples.get('turnbridge_client_connection_turns_count')).toBe(0);
});
