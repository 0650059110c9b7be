/** What Artifact Hub shows of the chart: it is text in annotations, which no tool of ours would miss. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { loadFiles } from '../../../src/config/load.ts';

const root = join(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const chart = parse(read('charts/turnbridge/Chart.yaml')) as {
  readonly appVersion: string;
  readonly annotations: Readonly<Record<string, string>>;
};
const values = parse(read('charts/turnbridge/values.yaml')) as {
  readonly image: { readonly registry: string; readonly repository: string };
};
const annotation = (name: string): unknown => parse(chart.annotations[`artifacthub.io/${name}`] ?? '');

test('all annotations are texts: the API of Helm takes nothing else', () => {
  expect(Object.values(chart.annotations).map((value) => typeof value)).toEqual(
    Object.values(chart.annotations).map(() => 'string'),
  );
});

test('the image is the one that the chart installs, of this version, for two architectures', () => {
  const { registry, repository } = values.image;
  expect(annotation('images')).toEqual([
    {
      name: 'turnbridge',
      image: `${registry}/${repository}:${chart.appVersion}`,
      platforms: ['linux/amd64', 'linux/arm64'],
    },
  ]);
});

test('the resource is the one of the CRD', () => {
  const crd = parse(read('manifests/crd/responsesroutes.turnbridge.dev.yaml')) as {
    readonly metadata: { readonly name: string };
    readonly spec: {
      readonly names: { readonly kind: string };
      readonly versions: readonly [{ readonly name: string }];
    };
  };
  expect(annotation('crds')).toMatchObject([
    { kind: crd.spec.names.kind, version: crd.spec.versions[0].name, name: crd.metadata.name },
  ]);
});

test('the example is a route without a mistake, once the Secrets that it names are there', () => {
  const routes = annotation('crdsExamples') as object[];
  const secrets = [
    ['openai', 'apiKey'],
    ['codex-clients', 'me'],
  ].map(([name, entry = '']) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name },
    stringData: { [entry]: 'some-key' },
  }));
  const text = [...routes, ...secrets].map((document) => stringify(document)).join('---\n');
  const loaded = loadFiles([{ name: 'example', text }], {
    env: {},
    missingVariables: 'error',
    loopbackAllowed: false,
    missingReferences: 'Refused',
    bridgeName: 'default',
  });
  expect(routes).toHaveLength(1);
  expect(loaded).toMatchObject({ kind: 'loaded', problems: [] });
});

describe('what is chosen from a list is on it:', () => {
  test('the category', () => {
    expect(annotation('category')).toBe('ai-machine-learning');
  });

  test('the capabilities of an operator', () => {
    const levels = ['Basic Install', 'Seamless Upgrades', 'Full Lifecycle', 'Deep Insights', 'Auto Pilot'];
    expect(levels).toContain(annotation('operatorCapabilities'));
  });

  test('the kinds of changes', () => {
    const kinds = ['added', 'changed', 'deprecated', 'removed', 'fixed', 'security'];
    const changes = annotation('changes') as { kind: string; description: string }[];
    expect(changes.length).toBeGreaterThan(0);
    for (const { kind, description } of changes) {
      expect(kinds).toContain(kind);
      expect(description).not.toBe('');
    }
  });
});

test('pictures are there', () => {
  const pictures = annotation('screenshots') as { url: string }[];
  for (const { url } of pictures) {
    const [, path = ''] = url.split('/main/');
    expect(readFileSync(join(root, path)).byteLength).toBeGreaterThan(0);
  }
});
