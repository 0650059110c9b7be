/** Records of turns as telemetry sees them: made here, filled by the turn. */
import { randomUUID } from 'node:crypto';
import type { ResponseCreate } from '../frames/response-create.ts';
import type { CompiledProvider } from '../route/snapshot.ts';
import type { AttemptRecord, TurnRecord } from './facts.ts';
import type { TurnClient } from './turn-client.ts';

/**
 * An identifier of ours: `t-` and 20 hexadecimal digits, the first 12 of them the time, so that they sort.
 * A UUID brings the random ones: Node keeps random bytes in stock for those alone, a tenth of the cost.
 */
export function newId(prefix: 't' | 'c' | 'resp_tb'): string {
  const time = Date.now().toString(16).padStart(12, '0');
  return prefix === 'resp_tb'
    ? `resp_tb_${time}${randomDigits()}${randomDigits()}`
    : `${prefix}-${time}${randomDigits().slice(4)}`;
}

/** 12 hexadecimal digits: those of a UUID behind the ones that tell its version. */
function randomDigits(): string {
  return randomUUID().slice(24);
}

export function newTurnRecord(
  client: TurnClient,
  create: ResponseCreate,
  index: number,
  receivedAt: number,
): TurnRecord {
  return {
    id: newId('t'),
    connectionId: client.connectionId,
    index,
    via: client.entry,
    clientKind: client.kind,
    tenant: client.tenant,
    route: undefined,
    provider: undefined,
    model: 'other',
    transport: 'http',
    lane: create.streamId === undefined ? 'default' : 'named',
    requestBytes: create.bytes.length,
    path: client.path,
    isWarmup: create.isWarmup,
    asksToContinue: create.previousResponseId !== undefined,
    receivedAt,
    trace: undefined,
    details: undefined,
    session: undefined,
    startedAt: undefined,
    firstEventAt: undefined,
    firstOutputAt: undefined,
    endedAt: undefined,
    attempts: 0,
    events: 0,
    bytesOut: 0,
    maxGapMs: 0,
    pausedMs: 0,
    firstPausedAt: undefined,
    interruptedAt: undefined,
    keepalives: 0,
    firstKeepaliveAt: undefined,
    overheadMs: undefined,
    continuation: 'none',
    outcome: undefined,
    errorType: undefined,
    answerCode: undefined,
    status: undefined,
    finishReason: undefined,
    responseModel: undefined,
    responseTier: undefined,
    usage: undefined,
    responseId: undefined,
    providerRequestId: undefined,
  };
}

/** What is known of an attempt before it is opened. */
interface AttemptFrame extends Pick<AttemptRecord, 'transport' | 'reason' | 'transportReason'> {
  readonly provider: Pick<CompiledProvider, 'name' | 'origin' | 'basePath'>;
}

export function newAttemptRecord(
  number: number,
  { provider, transport, reason, transportReason }: AttemptFrame,
  startedAt: number,
): AttemptRecord {
  const { name, origin, basePath } = provider;
  return {
    number,
    provider: name,
    origin,
    path: `${basePath}/responses`,
    transport,
    reason,
    transportReason,
    startedAt,
    trace: undefined,
    dial: undefined,
    httpVersion: undefined,
    requestId: undefined,
    firstEventAt: undefined,
    events: 0,
    answeredAt: undefined,
    endedAt: undefined,
    result: undefined,
    errorType: undefined,
    status: undefined,
    retryAfterS: undefined,
  };
}
