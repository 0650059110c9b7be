/** A Lease of coordination.k8s.io/v1, from and to JSON. */
import type { LeaseRecord } from './lease-decision.ts';
import { microTime } from './micro-time.ts';

/** A Lease as the API server sent it. */
export interface LeaseObject {
  readonly record: LeaseRecord;
  /** Sent back with each update, so that labels and annotations of others stay, and their changes are not overwritten. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

/**
 * Reads what the API server sent. A record without a duration is held for `durationMs`.
 * @throws TypeError for what is no Lease.
 */
export function toLeaseObject(json: unknown, durationMs: number): LeaseObject {
  const object = asRecord(json);
  const metadata = asRecord(object?.['metadata']);
  if (metadata === undefined || typeof metadata['resourceVersion'] !== 'string') {
    throw new TypeError('the API server sent something else where a Lease was expected');
  }
  const spec = asRecord(object?.['spec']) ?? {};
  const seconds = spec['leaseDurationSeconds'];
  // Megabytes of managed fields are not worth sending back: the server keeps its own.
  const { managedFields: _, ...kept } = metadata;
  return {
    metadata: kept,
    record: {
      holder: text(spec['holderIdentity']),
      durationMs: typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : durationMs,
      acquireTime: text(spec['acquireTime']),
      renewTime: text(spec['renewTime']),
      transitions: typeof spec['leaseTransitions'] === 'number' ? spec['leaseTransitions'] : 0,
    },
  };
}

/** What is sent. */
export function leaseBody(metadata: Readonly<Record<string, unknown>>, record: LeaseRecord): unknown {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata,
    spec: {
      holderIdentity: record.holder,
      leaseDurationSeconds: Math.ceil(record.durationMs / 1000),
      acquireTime: record.acquireTime,
      renewTime: record.renewTime,
      leaseTransitions: record.transitions,
    },
  };
}

/** Whose name and how long; the times are whole microseconds since 1970. */
export interface LeaseClaim {
  readonly holder: string;
  readonly durationMs: number;
  readonly nowMicros: number;
}

/** The record of somebody who takes the Lease from whoever held it; undefined: there was none. */
export function takenRecord(claim: LeaseClaim, from: LeaseRecord | undefined): LeaseRecord {
  const time = microTime(claim.nowMicros);
  return {
    ...ownPart(claim, time),
    acquireTime: time,
    transitions: from === undefined ? 0 : from.transitions + 1,
  };
}

/** The record of a holder that goes on. */
export function renewedRecord(claim: LeaseClaim, from: LeaseRecord): LeaseRecord {
  return {
    ...ownPart(claim, microTime(claim.nowMicros)),
    acquireTime: from.acquireTime,
    transitions: from.transitions,
  };
}

/** The record of a holder that leaves: nobody's, and for the shortest time that a Lease can say. */
export function releasedRecord(nowMicros: number, from: LeaseRecord): LeaseRecord {
  const time = microTime(nowMicros);
  return {
    holder: '',
    durationMs: 1000,
    acquireTime: time,
    renewTime: time,
    transitions: from.transitions,
  };
}

function ownPart(
  claim: LeaseClaim,
  renewTime: string,
): Pick<LeaseRecord, 'holder' | 'durationMs' | 'renewTime'> {
  // As it is read back: a Lease counts in whole seconds.
  return { holder: claim.holder, durationMs: Math.ceil(claim.durationMs / 1000) * 1000, renewTime };
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
