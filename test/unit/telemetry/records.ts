/** Records of facts with plausible contents, to be changed where a test cares. */
import type { ConnectionRecord, HandshakeRecord, TunnelRecord } from '../../../src/client/facts.ts';
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
    path: '/v1/responses',
    isWarmup: false,
    asksToContinue: true,
    receivedAt: 1000,
    trace: undefined,
    details: undefined,
    session: undefined,
    startedAt: 1005,
    firstEventAt: 1100,
    firstOutputAt: 1500,
    endedAt: 3500,
    attempts: 1,
    events: 40,
    bytesOut: 9000,
    maxGapMs: 120,
    pausedMs: 0,
    firstPausedAt: undefined,
    interruptedAt: undefined,
    keepalives: 0,
    firstKeepaliveAt: undefined,
    overheadMs: 0.4,
    continuation: 'hit',
    outcome: 'completed',
    errorType: undefined,
    answerCode: undefined,
    status: 200,
    finishReason: 'stop',
    responseModel: 'gpt-test-2026-09-01',
    responseTier: 'default',
    usage: {
      inputTokens: 100,
      cachedTokens: 60,
      cacheWriteTokens: 10,
      outputTokens: 50,
      reasoningTokens: 20,
    },
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
    path: '/v1/responses',
    transport: 'http',
    reason: 'first',
    transportReason: 'configured',
    startedAt: 1005,
    trace: undefined,
    dial: undefined,
    httpVersion: '1.1',
    requestId: 'req-1',
    firstEventAt: 1095,
    events: 40,
    answeredAt: 1090,
    endedAt: 3500,
    result: 'ok',
    errorType: undefined,
    status: 200,
    retryAfterS: undefined,
    ...over,
  };
}

export function connectionRecord(over: Partial<ConnectionRecord> = {}): ConnectionRecord {
  return {
    id: 'c-1',
    trace: undefined,
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

export function tunnelRecord(over: Partial<TunnelRecord> = {}): TunnelRecord {
  return {
    ...connectionRecord({ turns: 0, closeCode: 1000, closeInitiator: 'local' }),
    route: 'ai/coding',
    provider: 'openai',
    path: '/realtime',
    framesOut: 7,
    endedBy: 'provider',
    providerCloseCode: 1000,
    ...over,
  };
}

export function handshakeRecord(over: Partial<HandshakeRecord> = {}): HandshakeRecord {
  return {
    via: 'websocket',
    method: 'GET',
    result: 'accepted',
    status: 101,
    startedAt: 900,
    endedAt: 901,
    route: '/v1/responses',
    clientKind: 'codex',
    userAgent: 'codex_exec/0.169.0',
    clientAddress: '203.0.113.0',
    connectionId: 'c-1',
    tenant: 'team-a',
    authMethod: 'api_key',
    clientTrace: undefined,
    tracePolicy: 'Parent',
    ...over,
  };
}
