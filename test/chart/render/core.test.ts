/** What holds for the whole chart: names, labels, images, both Helms, and charts that have this one below them. */
import { mkdtemp, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import {
  CHART_FOLDER,
  find,
  nameOf,
  render,
  renderFailure,
  renderText,
  type KubeObject,
  type RenderOptions,
  type Values,
} from '../render.ts';
import { CI_API_VERSIONS, ciValues } from './ci-values.ts';
import { podOf, podsOf } from './rendered-pods.ts';

/** Names that users choose, as somebody may who counts. */
const everyName: Values = {
  demo: { enabled: true },
  image: { pullSecrets: [{ name: '1' }] },
  bridge: {
    bridgeName: '7',
    idKey: { existingSecret: '2', key: '3' },
    tls: { enabled: true, existingSecret: '4' },
    serviceAccount: { name: '5' },
    priorityClassName: '6',
  },
  ingress: { enabled: true, preset: 'contour', hosts: ['a.b'], tls: [{ secretName: '8', hosts: ['a.b'] }] },
  tests: { keySecret: { name: '9', key: '10' }, caSecret: { name: '11', key: '12' } },
  monitoring: { serviceMonitor: { enabled: true } },
};

const served = { apiVersions: CI_API_VERSIONS };
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

function valueAt(object: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((place, key) => (place as Values | undefined)?.[key], object);
}

/** Every list and map in an object, with where it is. */
function* walk(value: unknown, at: string): Generator<[at: string, value: unknown]> {
  yield [at, value];
  if (typeof value !== 'object' || value === null) return;
  for (const [key, below] of Object.entries(value)) yield* walk(below, `${at}.${key}`);
}

/** A list with two entries of one name: server-side apply merges by it. */
function hasNameTwice(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  const names = value.map((entry: unknown) => valueAt(entry, 'name')).filter((name) => name !== undefined);
  return new Set(names).size < names.length;
}

/** Without the resource, which takes long to read. */
function withoutCrd(values: Values): Values {
  return { ...values, crds: { enabled: false } };
}

describe('names', () => {
  test('a release that is called after the chart does not say it twice', async () => {
    const objects = await render({}, { release: 'my-turnbridge' });
    expect(find(objects, 'Deployment/my-turnbridge')).toBeDefined();
    expect(find(await render({}, { release: 'codex' }), 'Deployment/codex-turnbridge')).toBeDefined();
  });

  test('of the longest release are cut to what a Service may have, and none becomes another', async () => {
    const release = `a${'-b'.repeat(26)}`; // 53, the longest that Helm takes
    const objects = await render({ demo: { enabled: true } }, { release, namespace: 'n'.repeat(63) });
    const names = objects
      .filter(({ kind }) => !/^(Cluster|CustomResource)/.test(kind))
      .map(({ metadata }) => metadata.name);
    for (const name of names) expect(name).toMatch(LABEL);
    expect(Math.max(...names.map((name) => name.length))).toBeLessThanOrEqual(63);
    const ids = objects.map((object) => nameOf(object));
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('without a namespace carry the one of the release: two releases of one name do not meet', async () => {
    const clusterWide = async (namespace: string): Promise<string[]> =>
      (await render({ crds: { enabled: false } }, { namespace }))
        .filter(({ metadata }) => metadata.namespace === undefined)
        .map((object) => nameOf(object));
    const [here, there] = [await clusterWide('a'), await clusterWide('b')];
    expect(here.length).toBeGreaterThan(0);
    expect(here.filter((name) => there.includes(name))).toEqual([]);
  });

  test('of digits alone stay texts, wherever they are: of namespaces, bridges, Secrets and accounts', async () => {
    const values = {
      ...everyName,
      operator: { serviceAccount: { name: '55' }, watchNamespaces: ['1234', '5678'] },
      sidecar: { namespaces: ['90'], injection: { enabled: true } },
    };
    const options = { apiVersions: CI_API_VERSIONS, namespace: '1234' };
    const objects = await render(withoutCrd(values), options);
    expect(objects.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['ServiceMonitor', 'RoleBinding']),
    );
    const isNumber = ([at, value]: readonly [string, unknown]): boolean =>
      /(name|names\.\d+|namespace|bridge|[kK]ey|path)$/i.test(at) && typeof value === 'number';
    expect(objects.flatMap((object) => [...walk(object, nameOf(object))].filter(isNumber))).toEqual([]);
  });

  test.each(['a.b', '7'])(
    'of a release %s, which no Service may have, are refused with a way out',
    async (release) => {
      expect(await renderFailure({ fullnameOverride: release })).toContain('fullnameOverride');
      const named = await render({ fullnameOverride: 'a' }, { release });
      expect(find(named, 'Service/a')).toBeDefined();
    },
  );

  test('that somebody chose are cut as well', async () => {
    const objects = await render({ fullnameOverride: `${'x'.repeat(62)}-y` });
    expect(find(objects, `Deployment/${'x'.repeat(62)}`)).toBeDefined();
    expect(find(objects, `Service/${'x'.repeat(59)}-ops`)).toBeDefined();
  });
});

describe('labels', () => {
  test('every object has the recommended ones, and its chart', async () => {
    for (const { kind, metadata } of await render({ demo: { enabled: true } })) {
      expect({ kind, ...metadata.labels }).toMatchObject({
        kind,
        'app.kubernetes.io/name': 'turnbridge',
        'app.kubernetes.io/instance': 'turnbridge',
        'app.kubernetes.io/component': expect.stringMatching(/^(bridge|operator|demo|test|crd|sidecar)$/),
        'app.kubernetes.io/version': expect.any(String),
        'app.kubernetes.io/part-of': 'turnbridge',
        'app.kubernetes.io/managed-by': 'Helm',
        'helm.sh/chart': expect.stringMatching(/^turnbridge-\d/),
      });
    }
  });

  test('that select pods have no version and none of the user, and are on the pods', async () => {
    const values = { commonLabels: { team: 'a' }, demo: { enabled: true }, image: { tag: '2.0' } };
    const objects = await render(values);
    for (const object of objects.filter(({ kind }) => kind === 'Deployment')) {
      const selector = valueAt(object, 'spec', 'selector', 'matchLabels') as Record<string, string>;
      expect(Object.keys(selector).sort()).toEqual([
        'app.kubernetes.io/component',
        'app.kubernetes.io/instance',
        'app.kubernetes.io/name',
      ]);
      expect(podOf(objects, nameOf(object)).labels).toMatchObject(selector);
    }
  });

  test('of a pod say nothing of versions: a release that changes no pod replaces none', async () => {
    for (const [name, { labels }] of podsOf(await render({ demo: { enabled: true } }))) {
      if (!name.startsWith('Deployment/')) continue;
      expect([name, Object.keys(labels).filter((label) => /version|chart/.test(label))]).toEqual([name, []]);
    }
  });

  test('of the user never replace those that select, on objects and on pods', async () => {
    const own = { 'app.kubernetes.io/component': 'mine', 'app.kubernetes.io/name': 'mine' };
    const objects = await render({ commonLabels: own, bridge: { podLabels: own, service: { labels: own } } });
    expect(podOf(objects, 'Deployment/turnbridge').labels).toMatchObject({
      'app.kubernetes.io/component': 'bridge',
    });
    expect(find(objects, 'Service/turnbridge')?.metadata.labels).toMatchObject({
      'app.kubernetes.io/component': 'bridge',
    });
  });

  test('and annotations of one object win over the common ones, an empty one too', async () => {
    const objects = await render({
      commonLabels: { team: 'a' },
      commonAnnotations: { owner: 'a' },
      bridge: { service: { labels: { team: 'b' }, annotations: { owner: '' } } },
    });
    expect(find(objects, 'Service/turnbridge')?.metadata).toMatchObject({
      labels: { team: 'b' },
      annotations: { owner: '' },
    });
    expect(find(objects, 'Service/turnbridge-ops')?.metadata).toMatchObject({
      labels: { team: 'a' },
      annotations: { owner: 'a' },
    });
  });

  test('of a version that no label may have are made to fit', async () => {
    const [object] = await render({ image: { tag: `${'a'.repeat(62)}.b` } });
    expect(object?.metadata.labels?.['app.kubernetes.io/version']).toBe('a'.repeat(62));
  });
});

test('the image is the digest where there is one, and the registry of all charts wins', async () => {
  const image = async (values: Values): Promise<string | undefined> =>
    podOf(await render({ crds: { enabled: false }, ...values }), 'Deployment/turnbridge').spec.containers[0]
      ?.image;
  const digest = `sha256:${'a'.repeat(64)}`;
  const { version } = parse(readFileSync(join(CHART_FOLDER, 'Chart.yaml'), 'utf8')) as { version: string };
  expect(await image({})).toBe(`ghcr.io/turnbridge/turnbridge:${version}`);
  expect(await image({ image: { tag: 'a', digest } })).toBe(`ghcr.io/turnbridge/turnbridge@${digest}`);
  expect(await image({ image: { registry: '' } })).toBe(`turnbridge/turnbridge:${version}`);
  expect(await image({ global: { imageRegistry: 'm.example/mirror/' } })).toBe(
    `m.example/mirror/turnbridge/turnbridge:${version}`,
  );
});

describe.each(ciValues)('%s-values.yaml', (_name, values) => {
  const text = (options: RenderOptions = {}): Promise<string> =>
    renderText(values, { ...served, ...options });

  test('gives the same twice, and for the oldest Kubernetes', async () => {
    expect(await text({ kubeVersion: '1.33.0' })).toBe(await text());
  });

  test('gives the same objects with both Helms', async () => {
    // each document as text: its order is Helm's business, and reading the long ones takes a second
    const documents = async (helm: 'helm3' | 'helm4'): Promise<readonly string[]> =>
      (await text({ helm }))
        .split(/^---\n/m)
        .map((document) => document.trim())
        .filter((document) => document !== '')
        .sort();
    expect(await documents('helm3')).toEqual(await documents('helm4'));
  });

  test('has nothing that server-side apply refuses: no empty field, no entry twice, no object twice; and no route', async () => {
    const objects = await render(withoutCrd(values), served);
    const names = objects.map((object) => `${object.apiVersion} ${nameOf(object)}`);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    expect(objects.map(({ kind }) => kind)).not.toContain('ResponsesRoute'); // the cluster may not serve the kind yet
    for (const object of objects) {
      const found = [...walk(object, nameOf(object))];
      expect(found.filter(([, value]) => value === null)).toEqual([]);
      expect(found.filter(([, value]) => hasNameTwice(value))).toEqual([]);
    }
  });
});

test('a cluster older than 1.33 is refused, and one of a vendor is not', async () => {
  expect(await renderFailure({}, { kubeVersion: '1.32.9' })).toContain('>=1.33.0-0');
  await expect(render({}, { kubeVersion: 'v1.33.2-eks-1234' })).resolves.toBeDefined();
});

describe('the resource', () => {
  const manifest = parse(
    readFileSync(join(CHART_FOLDER, '../../manifests/crd/responsesroutes.turnbridge.dev.yaml'), 'utf8'),
  ) as KubeObject;

  test('is that of manifests/crd, kept when the release goes', async () => {
    const crd = find(await render({}), `CustomResourceDefinition/${manifest.metadata.name}`);
    expect(crd?.['spec']).toEqual(manifest['spec']);
    expect(crd?.metadata.annotations).toEqual({
      ...manifest.metadata.annotations,
      'helm.sh/resource-policy': 'keep',
    });
  });

  test('has a chart of its own, with the same in it', async () => {
    const options = { chart: join(CHART_FOLDER, '../turnbridge-crds') };
    const [crd, ...others] = await render({}, options);
    expect(others).toEqual([]);
    expect(crd?.['spec']).toEqual(manifest['spec']);
    expect(crd?.metadata.annotations).toEqual({
      ...manifest.metadata.annotations,
      'helm.sh/resource-policy': 'keep',
    });
    const [loose] = await render({ keep: false }, { ...options, helm: 'helm3' });
    expect(loose?.metadata.annotations).toEqual(manifest.metadata.annotations);
  });
});

describe('below another chart', () => {
  async function parentOf(values: Values): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'turnbridge-parent-'));
    await mkdir(join(folder, 'charts'));
    await symlink(CHART_FOLDER, join(folder, 'charts/turnbridge'));
    const { version } = parse(readFileSync(join(CHART_FOLDER, 'Chart.yaml'), 'utf8')) as { version: string };
    const chart = {
      apiVersion: 'v2',
      name: 'platform',
      version: '1.0.0',
      dependencies: [{ name: 'turnbridge', version, condition: 'turnbridge.enabled' }],
    };
    await writeFile(join(folder, 'Chart.yaml'), JSON.stringify(chart));
    await writeFile(join(folder, 'values.yaml'), JSON.stringify(values));
    return folder;
  }

  test.each(['helm4', 'helm3'] as const)(
    'it takes the globals and the condition of that one (%s)',
    async (helm) => {
      const global = { imageRegistry: 'm.example', imagePullSecrets: ['a', { name: 'b' }], theirs: 1 };
      const chart = await parentOf({
        global,
        turnbridge: { enabled: true, image: { pullSecrets: [{ name: 'a' }] } },
      });
      try {
        const objects = await render({}, { chart, release: 'platform', helm });
        const { spec } = podOf(objects, 'Deployment/platform-turnbridge');
        expect(spec.containers[0]?.image).toMatch(/^m\.example\/turnbridge\//);
        expect(valueAt(spec, 'imagePullSecrets')).toEqual([{ name: 'a' }, { name: 'b' }]);
        expect(
          await render({ turnbridge: { enabled: false } }, { chart, release: 'platform', helm }),
        ).toEqual([]);
      } finally {
        await rm(chart, { recursive: true });
      }
    },
  );
});
