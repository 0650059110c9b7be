/** Counts what the client's side announces. */
import type { ClientFact, ClientFactListener, ConnectionRecord, FrameCounts } from '../../client/facts.ts';
import { CATALOGUE } from './metric-catalogue.ts';
import { type Meter, type Reading, secondsBetween } from './meter.ts';
import {
  CLIENT_KINDS,
  CLOSE_CODES,
  CLOSE_INITIATORS,
  FRAME_REFUSALS,
  HANDSHAKE_RESULTS,
  LABEL_OTHER,
  TLS_FAILURES,
} from '../names.ts';
import { tunnelMetrics } from './tunnel-metrics.ts';

/** Registers the client's metrics. @returns the listener that feeds them */
export function clientMetrics(meter: Meter): ClientFactListener {
  const opened = meter.counter(
    CATALOGUE.connectionsOpened,
    CLIENT_KINDS.map((client) => ({ client })),
  );
  const closed = meter.counter(
    CATALOGUE.connectionsClosed,
    CLOSE_CODES.flatMap((code) => CLOSE_INITIATORS.map((initiator) => ({ code, initiator }))),
  );
  const duration = meter.histogram(CATALOGUE.connectionDuration);
  const turns = meter.histogram(CATALOGUE.connectionTurns);
  const handshakes = meter.counter(
    CATALOGUE.handshakes,
    HANDSHAKE_RESULTS.map((result) => ({ result })),
  );
  const backpressure = meter.counter(CATALOGUE.backpressure);
  const pingRtt = meter.histogram(CATALOGUE.pingRtt);
  const protocolErrors = meter.counter(
    CATALOGUE.protocolErrors,
    FRAME_REFUSALS.map((reason) => ({ reason })),
  );
  const tlsFailures = meter.counter(
    CATALOGUE.tlsHandshakeFailures,
    TLS_FAILURES.map((reason) => ({ reason })),
  );
  const tunnels = tunnelMetrics(meter);
  const codes = new Set(CLOSE_CODES);
  const onClosed = ({ closeCode, closeInitiator, openedAt, closedAt }: ConnectionRecord): void => {
    const code = String(closeCode);
    closed.add({ code: codes.has(code) ? code : LABEL_OTHER, initiator: closeInitiator ?? 'network' });
    duration.observe({}, secondsBetween(openedAt, closedAt));
  };

  return (fact: ClientFact) => {
    switch (fact.kind) {
      case 'handshake':
        handshakes.add({ result: fact.handshake.result });
        return;
      case 'connection.opened':
        opened.add({ client: fact.connection.clientKind });
        return;
      case 'tunnel.opened':
        opened.add({ client: fact.tunnel.clientKind });
        tunnels.opened(fact.tunnel);
        return;
      case 'connection.closed':
        onClosed(fact.connection);
        turns.observe({}, fact.connection.turns);
        return;
      case 'tunnel.closed':
        onClosed(fact.tunnel);
        tunnels.closed(fact.tunnel);
        return;
      case 'frame.refused':
        protocolErrors.add({ reason: fact.reason });
        return;
      case 'tls.failed':
        tlsFailures.add({ reason: fact.reason });
        return;
      case 'bridge.mistake': // logged; its connection's end is counted
        return;
      case 'ping.answered':
        pingRtt.observe({}, fact.rttMs / 1000);
        return;
      case 'backpressure.ended':
        backpressure.add({}, fact.ms / 1000);
        return;
    }
  };
}

/**
 * Registers the frame counters, which are read from plain numbers at each scrape.
 * @param eventNames names of the event catalogue, by index; names that occur twice are added up
 */
export function frameMetrics(meter: Meter, counts: FrameCounts, eventNames: readonly string[]): void {
  meter.readCounter(CATALOGUE.frames, () => {
    const { create, interrupt, steer, inject, other } = counts.inByType;
    const incoming = (type: string, value: number) => ({ labels: { direction: 'in', type }, value });
    const readings: Reading<'direction' | 'type'>[] = [
      incoming('response.create', create),
      incoming('response.interrupt', interrupt),
      incoming('response.steer', steer),
      incoming('response.inject', inject),
      incoming(LABEL_OTHER, other),
    ];
    counts.outByType.forEach((value, index) => {
      readings.push({ labels: { direction: 'out', type: eventNames[index] ?? LABEL_OTHER }, value });
    });
    return readings;
  });
  meter.readCounter(CATALOGUE.frameBytes, () => [
    { labels: { direction: 'in' }, value: counts.bytesIn },
    { labels: { direction: 'out' }, value: counts.bytesOut },
  ]);
}
