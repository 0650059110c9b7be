/** Records of facts with plausible contents, to be changed where a test cares. */
import type { ConnectionRecord } from '../../../src/client/facts.ts';
import type { AttemptRecord, TurnRecord } from '../../../src/turn/facts.ts';

export function turnRecord(over: Partial<TurnRecord> = {}): TurnRecord {
  return {
    id: 't-1',
    connectionId: 'c-1',
    index: 1,
    via: 'websocket',
    clientKind: 'codex',
    tenant: 'team-a',
    route: 'ai/coding',
    provider: 'openai',
    model: 'gpt-5.5',
    transport: 'http',
    lane: 'default',
    requestBytes: 1200,
    receivedAt: 1000,
    startedAt: 1005,
    firstEventAt: 1100,
    firstOutputAt: 1500,
    endedAt: 3500,
    attempts: 1,
    events: 40,
    bytesOut: 9000,
    maxGapMs: 120,
    pausedMs: 0,
    continuation: 'hit',
    outcome: 'completed',
    errorType: undefined,
    status: 200,
    usage: { inputTokens: 100, cachedTokens: 60, outputTokens: 50, reasoningTokens: 20 },
    responseId: 'resp_1',
    providerRequestId: 'req-1',
    ...over,
  };
}

export function attemptRecord(over: Partial<AttemptRecord> = {}): AttemptRecord {
  return {
    number: 1,
    origin: 'https://provider.example',
    provider: 'openai',
    transport: 'http',
    startedAt: 1005,
    answeredAt: 1090,
    endedAt: 3500,
    result: 'ok',
    errorType: undefined,
    status: 200,
    ...over,
  };
}

export function connectionRecord(over: Partial<ConnectionRecord> = {}): ConnectionRecord {
  return {
    id: 'c-1',
    clientKind: 'codex',
    tenant: 'team-a',
    group: '*/v1',
    openedAt: 0,
    turns: 3,
    framesIn: 4,
    bytesIn: 5000,
    bytesOut: 90_000,
    closedAt: 61_000,
    closeCode: 1006,
    closeInitiator: 'network',
    closeReason: undefined,
    ...over,
  };
}
