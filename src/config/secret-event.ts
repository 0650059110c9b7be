/** One line of a watch on one Secret, as what it means for its snapshot. */
import { SNAPSHOT_ENTRY } from './read-snapshot.ts';

/** Which Secret. */
export interface SecretName {
  readonly namespace: string;
  readonly name: string;
}

export type SecretEvent =
  /** The Secret's snapshot is this, still packed. */
  | { readonly kind: 'delivered'; readonly packed: Buffer }
  /** The Secret is there and holds no snapshot. */
  | { readonly kind: 'unusable'; readonly reason: string }
  | { readonly kind: 'deleted' }
  /** The server lives. `isPresentTold`: what was there when the watch began has been told. */
  | { readonly kind: 'bookmark'; readonly isPresentTold: boolean }
  /** About another Secret, or of a kind that is not known here. */
  | { readonly kind: 'foreign' }
  /** The server ends the watch, or does not speak its language. */
  | { readonly kind: 'failed'; readonly reason: string };

/** Standard base64 with its padding, as the API server writes it. */
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** On the bookmark after the present state. Servers of the last years send it; what lacks it is only told less. */
const PRESENT_TOLD = 'k8s.io/initial-events-end';

/** Reads a line. Never throws; reasons hold nothing of the Secret. */
export function parseSecretEvent(line: Buffer, { namespace, name }: SecretName): SecretEvent {
  let event: unknown;
  try {
    event = JSON.parse(line.toString('utf8'));
  } catch {
    return { kind: 'failed', reason: 'what the API server sent is no event of a watch' };
  }
  const { type, object } = fieldsOf(event);
  if (type === 'BOOKMARK') {
    const { annotations } = fieldsOf(fieldsOf(object)['metadata']);
    return { kind: 'bookmark', isPresentTold: fieldsOf(annotations)[PRESENT_TOLD] === 'true' };
  }
  if (type === 'ERROR') {
    const { code } = fieldsOf(object);
    const status = typeof code === 'number' ? ` with ${code}` : '';
    return { kind: 'failed', reason: `the API server ended the watch${status}` };
  }
  const { metadata, data } = fieldsOf(object);
  const identity = fieldsOf(metadata);
  if (typeof type !== 'string' || identity['name'] === undefined) {
    return { kind: 'failed', reason: 'what the API server sent is no event of a watch' };
  }
  if (identity['name'] !== name || identity['namespace'] !== namespace) return { kind: 'foreign' };
  if (type === 'DELETED') return { kind: 'deleted' };
  if (type !== 'ADDED' && type !== 'MODIFIED') return { kind: 'foreign' };
  const text = fieldsOf(data)[SNAPSHOT_ENTRY];
  if (typeof text !== 'string') {
    return {
      kind: 'unusable',
      reason: `the Secret has no entry ${SNAPSHOT_ENTRY}: is it one that the operator writes?`,
    };
  }
  if (text.length % 4 !== 0 || !BASE64.test(text)) {
    return { kind: 'unusable', reason: `the entry ${SNAPSHOT_ENTRY} of the Secret is not base64` };
  }
  return { kind: 'delivered', packed: Buffer.from(text, 'base64') };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
