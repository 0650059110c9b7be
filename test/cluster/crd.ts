/** The product's own kind, put into an API server as a user would. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Kubectl } from './kubectl.ts';

/** The folder that users apply. */
export const crdFolder = join(import.meta.dirname, '../../manifests/crd');

/** Applies it and waits until the API server serves it. @throws Error with what kubectl said. */
export async function applyCrd(kubectl: Kubectl): Promise<void> {
  // kubectl refuses a folder without any
  const files = await readdir(crdFolder).catch(() => []);
  if (!files.some((name) => name.endsWith('.yaml'))) return;
  const steps = [
    ['apply', '--server-side', '--force-conflicts', '-f', crdFolder],
    ['wait', '--for=condition=Established', '--timeout=30s', '-f', crdFolder],
    // established, and yet answered with 429 for a moment; kubectl asks again
    ['get', 'responsesroutes', '--all-namespaces'],
  ];
  for (const step of steps) {
    const { code, stderr } = await kubectl.run(step);
    if (code !== 0) throw new Error(`kubectl ${step.join(' ')} failed:\n${stderr}`);
  }
}
