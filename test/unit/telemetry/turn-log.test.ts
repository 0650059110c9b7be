import { describe, expect, test } from '@jest/globals';
import type { Log } from '../../../src/telemetry/log/log.ts';
import type { LogFields } from '../../../src/telemetry/log/log-line.ts';
import { turnLog } from '../../../src/telemetry/log/turn-log.ts';
import type { TurnFact, TurnOutcome } from '../../../src/turn/facts.ts';
import { attemptRecord, connectionRecord, handshakeRecord, tunnelRecord, turnRecord } from './records.ts';

interface Entry {
  readonly level: string;
  readonly event: string;
  readonly fields: LogFields;
}

/** A log that keeps its lines, and the keys of those that are limited. */
function memoryLog(): { log: Log; entries: Entry[]; keys: string[] } {
  const entries: Entry[] = [];
  const keys: string[] = [];
  const at =
    (level: string) =>
    (event: string, _msg: string, fields: LogFields = {}) => {
      entries.push({ level, event, fields });
    };
  const log: Log = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    warnRepeated: (key, event, msg, fields) => {
      keys.push(key);
      at('repeated')(event, msg, fields);
    },
    close: () => Promise.resolve(),
    stats: { lines: { debug: 0, info: 0, warn: 0, error: 0 }, dropped: 0, suppressed: 0 },
  };
  return { log, entries, keys };
}

describe('a turn', () => {
  test('leaves exactly one line above debug, with its durations and tokens', () => {
    const { log, entries } = memoryLog();
    const { turnFacts } = turnLog(log);
    const turn = turnRecord();
    const attempt = attemptRecord();
    turnFacts({ kind: 'turn.queued', turn });
    turnFacts({ kind: 'turn.started', turn });
    turnFacts({ kind: 'attempt.started', turn, attempt });
    turnFacts({ kind: 'turn.first-event', turn });
    turnFacts({ kind: 'turn.first-output', turn });
    turnFacts({ kind: 'attempt.ended', turn, attempt });
    turnFacts({ kind: 'turn.ended', turn });
    const shown = entries.filter(({ level }) => level !== 'debug');
    expect(shown).toHaveLength(1);
    expect(shown[0]).toMatchObject({
      level: 'info',
      event: 'turn.end',
      fields: {
        turn_id: 't-1',
        connection_id: 'c-1',
        route: 'ai/coding',
        provider: 'openai',
        outcome: 'completed',
        queue_ms: 5,
        ttfe_ms: 100,
        ttfo_ms: 500,
        duration_ms: 2500,
        input_tokens: 100,
        response_id: 'resp_1',
      },
    });
  });

  test.each<[TurnOutcome, string]>([
    ['completed', 'info'],
    ['failed', 'info'],
    ['rejected', 'info'],
    ['cancelled', 'info'],
    ['disconnected', 'info'],
    ['timeout', 'warn'],
    ['provider_error', 'warn'],
    ['drained', 'warn'],
    ['bridge_error', 'error'],
  ])('that ends as %s is written at %s', (outcome, level) => {
    const { log, entries } = memoryLog();
    turnLog(log).turnFacts({ kind: 'turn.ended', turn: turnRecord({ outcome }) });
    expect(entries.map((entry) => entry.level)).toEqual([level]);
  });

  test('that never started has no durations that it did not live through', () => {
    const { log, entries } = memoryLog();
    const turn = turnRecord({
      outcome: 'rejected',
      startedAt: undefined,
      firstEventAt: undefined,
      firstOutputAt: undefined,
      usage: undefined,
    });
    turnLog(log).turnFacts({ kind: 'turn.ended', turn });
    expect(entries[0]?.fields).toMatchObject({
      queue_ms: undefined,
      ttfe_ms: undefined,
      input_tokens: undefined,
    });
  });

  test('does not log a response id that is no id', () => {
    const { log, entries } = memoryLog();
    const turn = turnRecord({ responseId: 'the prompt was: hello', providerRequestId: 'x'.repeat(200) });
    turnLog(log).turnFacts({ kind: 'turn.ended', turn });
    expect(entries[0]?.fields).toMatchObject({ response_id: undefined, provider_request_id: undefined });
  });

  test('tells of an attempt that failed, in lines that cannot flood', () => {
    const { log, entries } = memoryLog();
    const attempt = attemptRecord({ result: 'error', errorType: 'connect_failed', status: undefined });
    turnLog(log).turnFacts({ kind: 'attempt.ended', turn: turnRecord(), attempt });
    expect(entries).toMatchObject([{ level: 'repeated', event: 'attempt.fail' }]);
  });
});

describe('what is chosen between providers', () => {
  function told(fact: TurnFact): Entry[] {
    const { log, entries } = memoryLog();
    turnLog(log).turnFacts(fact);
    return entries;
  }

  test('is told with the turn, in lines that cannot flood', () => {
    const turn = turnRecord();
    expect(told({ kind: 'turn.failover', turn, from: 'one', to: 'two', cause: 'Timeout' })).toMatchObject([
      {
        level: 'repeated',
        event: 'turn.failover',
        fields: { turn_id: 't-1', route: 'ai/coding', from: 'one', to: 'two', cause: 'Timeout' },
      },
    ]);
    const denied = { kind: 'turn.failover-denied', turn, provider: 'one', providers: 2 } as const;
    expect(told({ ...denied, reason: 'budget' })).toMatchObject([
      { level: 'repeated', event: 'turn.failover_denied', fields: { provider: 'one', reason: 'budget' } },
    ]);
    expect(told({ ...denied, reason: 'nowhere' })).toMatchObject([{ level: 'repeated' }]);
  });

  test('is no warning where the route has one provider only', () => {
    const turn = turnRecord();
    expect(
      told({ kind: 'turn.failover-denied', turn, provider: 'one', providers: 1, reason: 'nowhere' }),
    ).toMatchObject([{ level: 'debug', event: 'turn.failover_denied' }]);
  });

  test('is a line above debug only for the turn that found out that a WebSocket cannot be had', () => {
    const fallback = (known: 'beforehand' | 'now') =>
      told({
        kind: 'turn.transport-fallback',
        turn: turnRecord({ attempts: 1 }),
        provider: 'one',
        known,
        reason: 'not_supported',
      });
    expect(fallback('now')).toMatchObject([{ level: 'repeated', event: 'turn.transport_fallback' }]);
    expect(fallback('beforehand')).toMatchObject([
      { level: 'debug', event: 'turn.transport_fallback', fields: { reason: 'not_supported' } },
    ]);
  });

  test('is one line when a provider is left alone, and one when it answers again', () => {
    const of = { route: 'ai/coding', provider: 'one' };
    expect(told({ kind: 'provider.ejected', ...of, why: 'failures', forMs: 30_000.4 })).toMatchObject([
      { level: 'repeated', event: 'provider.ejected', fields: { ...of, why: 'failures', for_ms: 30_000 } },
    ]);
    expect(told({ kind: 'provider.returned', ...of })).toMatchObject([
      { level: 'info', event: 'provider.returned', fields: of },
    ]);
    expect(told({ kind: 'provider.rate-limit', ...of, window: { requests: 1, tokens: 1 } })).toEqual([]);
  });
});

describe('a WebSocket that is passed on', () => {
  test('leaves one line when it ends, with what went both ways and who ended it', () => {
    const { log, entries } = memoryLog();
    const { clientFacts } = turnLog(log);
    clientFacts({ kind: 'tunnel.opened', tunnel: tunnelRecord() });
    clientFacts({ kind: 'tunnel.closed', tunnel: tunnelRecord() });
    expect(entries.map(({ level, event }) => [level, event])).toEqual([
      ['debug', 'tunnel.open'],
      ['info', 'tunnel.close'],
    ]);
    expect(entries[1]?.fields).toMatchObject({
      path: '/realtime',
      provider: 'openai',
      frames_in: 4,
      frames_out: 7,
      ended_by: 'provider',
      provider_close_code: 1000,
    });
    expect(entries[1]?.fields).not.toHaveProperty('turns');
  });
});

describe('a connection', () => {
  test('leaves one line when it closes', () => {
    const { log, entries } = memoryLog();
    const { clientFacts } = turnLog(log);
    clientFacts({ kind: 'handshake', handshake: handshakeRecord() });
    clientFacts({ kind: 'connection.opened', connection: connectionRecord() });
    clientFacts({ kind: 'ping.answered', rttMs: 2 });
    clientFacts({ kind: 'connection.closed', connection: connectionRecord() });
    expect(entries.filter(({ level }) => level !== 'debug')).toMatchObject([
      {
        level: 'info',
        event: 'connection.close',
        fields: { close_code: 1006, close_initiator: 'network', duration_ms: 61_000, turns: 3 },
      },
    ]);
  });

  test('that is refused, and a frame that is refused, are told in lines that cannot flood', () => {
    const { log, entries } = memoryLog();
    const { clientFacts } = turnLog(log);
    clientFacts({ kind: 'handshake', handshake: handshakeRecord({ result: 'unauthorized', status: 401 }) });
    clientFacts({ kind: 'frame.refused', connectionId: 'c-1', reason: 'invalid_json' });
    expect(entries).toMatchObject([
      { level: 'repeated', event: 'connection.reject', fields: { result: 'unauthorized', status_code: 401 } },
      { level: 'repeated', event: 'protocol.error', fields: { reason: 'invalid_json' } },
    ]);
  });

  test('that its provider did not take is told with who that was, one line for each', () => {
    const { log, entries, keys } = memoryLog();
    const { clientFacts } = turnLog(log);
    const refuse = (provider: string) => {
      const failed = { route: 'ai/voice', provider, path: '/realtime', errorType: '503' };
      const handshake = handshakeRecord({ result: 'provider_failed', status: 503, failed });
      clientFacts({ kind: 'handshake', handshake });
      return { route: 'ai/voice', provider, path: '/realtime', error_type: '503' };
    };
    const told = [refuse('one'), refuse('two')];
    expect(entries.map(({ fields }) => fields)).toMatchObject(told);
    expect(new Set(keys).size).toBe(2);
  });
});
