/** What a process loads: the Kubernetes client takes half a second and 90 MB, which no bridge should pay. */
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from '@jest/globals';

const root = join(import.meta.dirname, '../../..');

interface Loaded {
  /** Of ours, relative to the project. */
  readonly files: Set<string>;
  /** Names of packages. */
  readonly packages: Set<string>;
}

/** Everything that can be loaded, starting with one file. What is imported as a type only is gone at run time. */
function loadedBy(
  start: string,
  isLater: boolean,
  loaded: Loaded = { files: new Set(), packages: new Set() },
): Loaded {
  const path = relative(root, start);
  if (loaded.files.has(path)) return loaded;
  loaded.files.add(path);
  const text = readFileSync(start, 'utf8').replaceAll(/(import|export) type [^;]*? from '[^']+';/g, '');
  const now = [...text.matchAll(/^(?:import|export)\s(?:[^;'`]*?\sfrom\s)?'([^']+)';/gm)];
  const later = isLater ? [...text.matchAll(/import\('([^']+)'\)/g)] : [];
  for (const [, name = ''] of [...now, ...later]) {
    if (name.startsWith('.')) {
      if (name.endsWith('.ts')) loadedBy(join(dirname(start), name), isLater, loaded);
    } else if (!name.startsWith('node:')) loaded.packages.add(name);
  }
  return loaded;
}

const notOfTheBridge = /^src\/(kube|reconcile|operator)\b/;

test.each(['cmd/bridge.ts', 'cmd/start.ts'])(
  '%s never loads the Kubernetes client, nor anything of the operator',
  (start) => {
    const { files, packages } = loadedBy(join(root, start), true);
    // The walk has seen what a bridge is made of.
    expect([...files]).toEqual(
      expect.arrayContaining(['src/bridge.ts', 'src/config/secret-watch.ts', 'src/turn/run.ts']),
    );
    expect([...packages]).toEqual(expect.arrayContaining(['undici', 'ws', 'zod']));
    expect([...files].filter((file) => notOfTheBridge.test(file))).toEqual([]);
    expect([...packages].filter((name) => name.startsWith('@kubernetes/'))).toEqual([]);
  },
);

test('the operator loads the Kubernetes client, when it needs one and not before', () => {
  const start = join(root, 'cmd/operator.ts');
  expect([...loadedBy(start, true).packages]).toContain('@kubernetes/client-node');
  expect([...loadedBy(start, false).packages]).not.toContain('@kubernetes/client-node');
  expect([...loadedBy(start, true).files].some((file) => notOfTheBridge.test(file))).toBe(true);
});

test('no other file than those of src/kube imports it', () => {
  const importers = [...loadedBy(join(root, 'cmd/turnbridge.ts'), true).files].filter((file) =>
    readFileSync(join(root, file), 'utf8').includes("'@kubernetes/"),
  );
  expect(importers).toEqual(['src/kube/kubeconfig-credentials.ts']);
});
