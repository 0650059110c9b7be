/** `docs/kubernetes-versions.md` is what operators of older clusters go by. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { everyScene, everythingServed } from '../every-scene.ts';
import { foreignKinds } from '../foreign-crds.ts';
import { render } from '../render.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/kubernetes-versions.md'), 'utf8');

/** Kinds in the first cells of a section's table. */
function told(heading: string): readonly string[] {
  const [section = ''] = (page.split(`\n## ${heading}\n`)[1] ?? '').split('\n## ');
  const cells = section.split('\n').map((line) => /^\| (`[^|]*)\|/.exec(line)?.[1] ?? '');
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, kind = '']) => kind)).toSorted();
}

test('each kind that any values render is in the tables of versions, and no other', async () => {
  const apiVersions = await everythingServed();
  const found = new Set<string>();
  // TLS on the bridge changes fields, and no kinds
  for (const [name, values] of everyScene().filter((scene) => !scene[0].includes('TLS on the bridge'))) {
    for (const { apiVersion, kind } of await render(values, { apiVersions })) {
      if (kind === 'List') throw new Error(`${name} renders a List: render its objects`);
      found.add(`${apiVersion}/${kind}`);
    }
  }
  const foreign = new Set(await foreignKinds());
  const kinds = [...found].toSorted();
  expect(told('Kinds of products')).toEqual(kinds.filter((kind) => foreign.has(kind)));
  expect(told('Kinds of Kubernetes itself')).toEqual(kinds.filter((kind) => !foreign.has(kind)));
});
