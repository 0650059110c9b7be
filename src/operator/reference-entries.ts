/** What is kept of a Secret or a ConfigMap: the entries that routes refer to. */
import type { WantedEntries } from '../reconcile/observed-route.ts';
import { Secret } from '../route/secret.ts';

/**
 * @param object as the API server sends it: it has checked the form
 * @returns by name, decoded; nothing of an entry that is not wanted
 */
export function readEntries(
  kind: 'Secret' | 'ConfigMap',
  object: unknown,
  wanted: WantedEntries,
): ReadonlyMap<string, Secret> {
  const { data } = object as { readonly data?: Readonly<Record<string, string>> | null };
  const entries = new Map<string, Secret>();
  for (const [name, value] of Object.entries(data ?? {})) {
    if (wanted === 'All' || wanted.has(name)) entries.set(name, new Secret(decode(kind, value)));
  }
  return entries;
}

function decode(kind: 'Secret' | 'ConfigMap', value: string): string {
  return kind === 'ConfigMap' ? value : Buffer.from(value, 'base64').toString('utf8');
}
