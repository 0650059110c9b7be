/** Where what tests build or fetch is kept: outside of the checkout, so that a fresh one finds it again. */
import { homedir } from 'node:os';
import { join } from 'node:path';

/** `$XDG_CACHE_HOME/turnbridge/NAME`, or below `~/.cache`. Not created. */
export function cacheFolder(name: string): string {
  // the XDG specification: empty counts as unset
  const root = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return join(root, 'turnbridge', name);
}
