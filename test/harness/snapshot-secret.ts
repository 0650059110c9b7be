/** What an operator writes: routes as a packed snapshot, in a Secret. */
import { gzipSync } from 'node:zlib';
import { parseDocuments } from '../../src/config/documents.ts';
import { compileRoutes } from '../../src/route/compile.ts';
import { isReferenceProblem } from '../../src/route/problem.ts';
import { packSnapshot } from '../../src/route/packed-snapshot.ts';
import type { ObjectRef } from './fake-kube.ts';

/** Packs the routes of a file with those of their Secrets that are there; none of an empty text. */
export function packRoutes(yaml: string, generation: number): Buffer {
  const { routes, objects } = parseDocuments('test', yaml, { env: {}, missingVariables: 'error' });
  const secrets = new Map(
    objects.map(({ object }) => [`${object.namespace}/${object.name}`, object.entries]),
  );
  const { served, claims, problems } = compileRoutes(
    routes.map(({ resource }) => resource),
    { secret: (namespace, name) => secrets.get(`${namespace}/${name}`), configMap: () => undefined },
    { loopbackAllowed: true, missingReferences: 'LeftOut', bridgeName: undefined },
  );
  // what is missing is left out, as an operator does
  const errors = problems.filter((problem) => problem.severity === 'error' && !isReferenceProblem(problem));
  if (errors.length > 0) throw new Error(`routes of a test are wrong: ${JSON.stringify(errors)}`);
  return gzipSync(packSnapshot(served, { generation, installation: 'test-operator', claims }).text);
}

/** Where tests keep it. */
export const snapshotName = { namespace: 'ai', name: 'turnbridge-snapshot' } as const;

export const snapshotRef: ObjectRef = { apiVersion: 'v1', kind: 'Secret', ...snapshotName };

/** The Secret with any bytes as its entry. */
export function snapshotSecret(packed: Buffer) {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { ...snapshotName },
    type: 'turnbridge.dev/snapshot',
    data: { snapshot: packed.toString('base64') },
  };
}
