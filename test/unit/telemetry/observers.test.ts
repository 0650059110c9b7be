import { expect, test } from '@jest/globals';
import { FrameCounts } from '../../../src/client/facts.ts';
import type { Log } from '../../../src/telemetry/log/log.ts';
import { openObservers } from '../../../src/telemetry/observers.ts';
import type { Tracing } from '../../../src/telemetry/spans/open-tracing.ts';
import { systemClock } from '../../../src/turn/clock.ts';
import { connectionRecord, turnRecord } from './records.ts';

/** A tracer with a mistake in it. */
function brokenTracing(): Tracing {
  const fail = (): void => {
    throw new TypeError('a mistake');
  };
  return {
    turnFacts: fail,
    clientFacts: fail,
    stats: { exported: 0, dropped: 0, failed: 0, queued: 0 },
    close: async () => undefined,
  };
}

function memoryLog(): { readonly log: Log; readonly events: string[] } {
  const events: string[] = [];
  const note = (event: string): void => void events.push(event);
  const log: Log = {
    debug: note,
    info: note,
    warn: note,
    error: note,
    warnRepeated: (_key, event) => note(event),
    stats: { lines: { debug: 0, info: 0, warn: 0, error: 0 }, dropped: 0, suppressed: 0 },
    close: async () => undefined,
  };
  return { log, events };
}

test('a listener that throws is logged, and neither the turn nor the other listeners hear of it', async () => {
  const { log, events } = memoryLog();
  const observers = openObservers({
    settings: { tracing: undefined, semconv: 'latest', genaiMetrics: true, opsPage: 'loopback' },
    tracing: brokenTracing(),
    log,
    version: 'test',
    nodeVersion: 'v0',
    revision: undefined,
    memoryLimitBytes: undefined,
    gauges: {
      connections: () => 0,
      connectionsLimit: () => 1,
      queuedBytes: () => ({ client_send: 0, inbound: 0, lane_queue: 0, answer: 0 }),
      transcriptBytes: () => 0,
      ready: () => true,
      draining: () => false,
    },
    frameCounts: new FrameCounts(0),
    eventNames: [],
    clock: systemClock,
    ready: () => ({ ready: true }),
  });
  const turn = turnRecord();
  for (const kind of ['turn.queued', 'turn.started', 'turn.ended'] as const)
    observers.turnFacts({ kind, turn });
  observers.clientFacts({ kind: 'connection.closed', connection: connectionRecord() });
  expect(events.filter((event) => event === 'bridge.mistake')).toHaveLength(4);
  expect(events).toEqual(expect.arrayContaining(['turn.start', 'turn.end', 'connection.close']));
  const { body } = await observers.metrics.text(undefined);
  expect(body).toMatch(/^turnbridge_turns_total\{.*outcome="completed"\} 1$/m);
  await observers.close();
});
