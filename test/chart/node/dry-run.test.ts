/** Whatever the chart renders, a real API server takes: with every preset and mode, and the products' own definitions. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { KubectlResult } from '../../cluster/kubectl.ts';
import { everyScene, everythingServed } from '../every-scene.ts';
import { foreignCrds } from '../foreign-crds.ts';
import { find, render, type KubeObject } from '../render.ts';
import { ingressValues } from '../render/ingress-scenes.ts';
import { useNode } from '../use-node.ts';

const node = useNode();
let served: readonly string[];
let namespace: string;
const made = new Set<string>();

beforeAll(async () => {
  served = await everythingServed();
  namespace = await node.namespace();
  made.add(namespace);
  for (const path of await foreignCrds()) {
    // by the server: some are larger than the annotation that a client-side apply leaves
    await node.mustKubectl(['apply', '--server-side', '--force-conflicts', '-f', path], {
      timeoutMs: 120_000,
    });
    await node.mustKubectl(['wait', '--for=condition=Established', '-f', path, '--timeout=60s']);
  }
}, 300_000);

/** Nothing is written; an unknown or doubled field is an error. */
function dryRun(objects: readonly KubeObject[]): Promise<KubectlResult> {
  const flags = ['--dry-run=server', '--validate=strict', '--server-side', '--force-conflicts'];
  return node.kubectl(['apply', ...flags, '-f', '-'], { stdin: objects, timeoutMs: 120_000 });
}

/** Those that the release expects beside its own: a dry run into a namespace that is not there is refused. */
async function makeNamespaces(objects: readonly KubeObject[]): Promise<void> {
  for (const { metadata } of objects) {
    const name = metadata.namespace;
    if (name === undefined || made.has(name)) continue;
    made.add(name);
    await node.mustKubectl(['create', 'namespace', name]);
    node.atEnd(() => node.mustKubectl(['delete', 'namespace', name, '--wait=false']));
  }
}

describe('a strict dry run', () => {
  test.each(everyScene())('takes all objects of: %s', async (_, values) => {
    const objects = await render(values, { namespace, apiVersions: served });
    await makeNamespaces(objects);
    const { code, stdout, stderr } = await dryRun(objects);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) });
    expect(stdout.trim().split('\n')).toHaveLength(objects.length);
  });

  test.each([
    ['Deployment/turnbridge', 'strategi'],
    ['HTTPProxy/turnbridge', 'timeoutPolicy'], // of a route, and not of the whole
  ])('refuses what %s does not know', async (name, field) => {
    const objects = await render(ingressValues('contour'), { namespace, apiVersions: served });
    const object = find(objects, `${name}@${namespace}`);
    if (object === undefined) throw new Error(`there is no ${name}`);
    const { code, stderr } = await dryRun([
      { ...object, spec: { ...(object['spec'] as object), [field]: 1 } },
    ]);
    expect(code).not.toBe(0);
    expect(stderr).toContain(field);
  });
});
