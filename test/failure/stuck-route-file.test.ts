/** Files that a bridge begins to read and that do not answer, as on a network mount whose server is gone. */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { mkdtemp, open, rename, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { until, within } from '../harness/wait-for.ts';
import { ask, openScene, routeFile, typesOf } from '../protocol/scene.ts';

/** Resolves once somebody reads from the pipe, with its other end: as long as that is open, the read goes on. */
function heldPipe(path: string): Promise<FileHandle> {
  const { O_WRONLY, O_NONBLOCK } = constants;
  return until(
    () => open(path, O_WRONLY | O_NONBLOCK).catch(() => false as const), // ENXIO: nobody reads
    'the routes to be read',
  );
}

test('routes that are being read without an end hold up neither a turn nor the closing of the bridge', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'turnbridge-stuck-'));
  const path = join(folder, 'routes.yaml');
  await using scene = await openScene({
    routes: async (providerUrl) => {
      await writeFile(path, routeFile(providerUrl));
      return '';
    },
    origin: { kind: 'files', path, env: {} },
  });
  await promisify(execFile)('mkfifo', [join(folder, 'pipe')]);
  await rename(join(folder, 'pipe'), path);
  const held = await heldPipe(path);
  try {
    expect(typesOf(await ask(await scene.connect(), {})).at(-1)).toBe('response.completed');
    await within(scene.bridge.bridge.close(), 'the bridge to close');
  } finally {
    await held.close();
    await rm(folder, { recursive: true });
  }
});
