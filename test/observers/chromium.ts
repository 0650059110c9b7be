/** A real browser without a screen, driven over its own protocol. */
import { createRequire } from 'node:module';
import type { Browser, Chromium } from './browser-types.ts';
import { ensureProgram, findProgram } from '../harness/debian-packages.ts';

/**
 * A browser that talks to nobody on its own: what it would look up, fetch and update at its start is switched off.
 * Without a sandbox, because that one cannot be had as root or in most containers; it sees our own page only.
 */
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage', // 64 MB in most containers, which one screenshot can fill
];

/**
 * Starts Chromium; installs Debian's package first where there is none, which needs root. Close it with
 * `browser.close()`. Give the hook that calls it `aptTimeoutMs`.
 */
export async function openChromium(): Promise<Browser> {
  await ensureProgram('chromium', 'chromium');
  const path = await findProgram('chromium');
  if (path === undefined) throw new Error('the Debian package chromium has no program of that name');
  // required and not imported: its types stay out of the project (browser-types.ts)
  const { chromium } = createRequire(import.meta.url)('playwright-core') as { chromium: Chromium };
  return chromium.launch({ executablePath: path, args: flags });
}
