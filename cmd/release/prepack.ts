/**
 * Writes `dist/`: the program as JavaScript, for `npm pack` and for the image. Node strips types from files of a
 * checkout, but refuses to below `node_modules`; an image starts faster without having to.
 */
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { toJavaScript } from './javascript.ts';

const root = join(import.meta.dirname, '../..');
const dist = join(root, 'dist');
const folders = ['cmd', 'src'];
/** `npm start` is for a checkout; settings of the compiler are not of the program. */
const left = new Set(['cmd/start.ts', 'cmd/npm-bin.js', 'src/telemetry/page/assets/tsconfig.json']);

await rm(dist, { recursive: true, force: true });
for (const folder of folders) {
  for (const entry of await readdir(join(root, folder), { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name).slice(root.length + 1);
    if (entry.isFile() && !left.has(path) && !path.startsWith('cmd/release/')) await publish(path);
  }
}
// a module's type is what the nearest package.json says; without a name this is no second package of that name
const { version, type } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
  readonly version: string;
  readonly type: string;
};
await writeFile(join(dist, 'package.json'), `${JSON.stringify({ version, type, private: true }, null, 2)}\n`);

/** One file of the checkout into `dist/`; the path is relative to the root. */
async function publish(path: string): Promise<void> {
  const target = join(dist, path);
  await mkdir(dirname(target), { recursive: true });
  if (!path.endsWith('.ts')) await copyFile(join(root, path), target);
  else
    await writeFile(
      `${target.slice(0, -'.ts'.length)}.js`,
      toJavaScript(await readFile(join(root, path), 'utf8')),
    );
}
