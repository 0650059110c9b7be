import { hash } from 'node:crypto';
import { Secret } from './secret.ts';

/**
 * SHA-256 of a value's content, 64 hex digits: equal for equal content, whatever the order of keys and of set
 * entries. A credential takes part through its own digest.
 */
export function contentHash(value: unknown): string {
  return sha256(JSON.stringify(canonical(value))).toString('hex');
}

/** SHA-256 of a text, 32 bytes. */
export function sha256(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}

function canonical(value: unknown): unknown {
  if (value instanceof Secret) return { sha256: sha256(value.reveal()).toString('hex') };
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (value instanceof RegExp) return value.source;
  if (value instanceof Set) return [...(value as ReadonlySet<string>)].sort();
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, canonical(inner)]),
  );
}
