import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { loadFiles } from '../../../src/config/load.ts';
import type { LoadResult } from '../../../src/config/load.ts';
import { formatProblem } from '../../../src/config/problem.ts';
import { listFields } from '../../../src/route/fields.ts';

const MANIFESTS = join(import.meta.dirname, '../../../manifests');
const SAMPLES = join(MANIFESTS, 'samples');

/** Their providers are on loopback, which a route of the central bridge may not name. */
const ON_LOOPBACK = ['scripted.yaml', 'sidecar.yaml'];

/** What `check` warns of, by sample; what is not here has no warnings. */
const WARNINGS: Readonly<Record<string, readonly string[]>> = {
  'llama-cpp.yaml': ['providers[0].url: url is http'],
  'ollama.yaml': ['providers[0].url: url is http'],
  'several-providers.yaml': ['providers[1].url: url is http'],
  'vllm.yaml': ['providers[0].url: url is http'],
};

interface Sample {
  readonly name: string;
  readonly text: string;
  /** The lines before the first document. */
  readonly comment: string;
  readonly variables: readonly string[];
  readonly documents: readonly { readonly kind: string; readonly [field: string]: unknown }[];
}

const samples = readdirSync(SAMPLES).toSorted().map(readSample);

describe.each(samples.map((sample) => [sample.name, sample] as const))('sample %s', (name, sample) => {
  const isOnLoopback = ON_LOOPBACK.includes(name);

  test('is sound as `turnbridge check` sees it, and warns of nothing but what its comment tells', () => {
    const result = load(sample, {}, { loopbackAllowed: isOnLoopback, missingReferences: 'Tolerated' });
    const problems = result.problems.map(formatProblem).filter((line) => !/environment variable/.test(line));
    expect(result.kind).toBe('loaded');
    expect(problems).toEqual((WARNINGS[name] ?? []).map((warning) => expect.stringContaining(warning)));
    expect(/`turnbridge check` warns/.test(sample.comment)).toBe(problems.length > 0);
  });

  test('is refused for a cluster only where its provider is on loopback', () => {
    const result = load(sample, {}, { loopbackAllowed: false, missingReferences: 'Tolerated' });
    expect(result.kind).toBe(isOnLoopback ? 'broken' : 'loaded');
  });

  test('is served from its file once its variables are set, with every route that it has', () => {
    const result = load(sample, valuesOf(sample));
    const routes = sample.documents.filter(({ kind }) => kind === 'ResponsesRoute');
    expect(result.kind).toBe('loaded');
    expect(routes.length).toBeGreaterThan(0);
    expect(result.kind === 'loaded' && result.snapshot?.routes).toHaveLength(routes.length);
  });

  test('survives envsubst with any key, also one that looks like a number', () => {
    const text = sample.text.replace(/\$\{(\w+)\}/g, (_, variable: string) =>
      String(1000 + sample.variables.indexOf(variable)),
    );
    const result = load({ ...sample, text }, {});
    expect(result).toMatchObject({ kind: 'loaded' });
  });

  test('holds no key, only variables for keys', () => {
    const secrets = sample.documents.filter(({ kind }) => kind === 'Secret');
    expect(secrets.filter((secret) => 'data' in secret)).toEqual([]);
    for (const value of secrets.flatMap((secret) => Object.values(secret['stringData'] as object)))
      expect(value).toMatch(/^\$\{[A-Z0-9_]+\}$/);
  });

  test('says on top what it is for, how it gets into a bridge, and how it is tried', () => {
    const { comment, variables } = sample;
    expect(comment).toContain(`npx turnbridge bridge --routes manifests/samples/${name}`);
    expect(comment).toContain('# Try it');
    expect(variables.filter((variable) => !comment.includes(`${variable}=`))).toEqual([]);
    if (name === 'scripted.yaml') return;
    // kubectl replaces no variable
    const applied =
      variables.length === 0
        ? `kubectl apply -f manifests/samples/${name}`
        : `envsubst < manifests/samples/${name} | kubectl apply -f -`;
    expect(comment).toContain(applied);
  });

  test('has a comment that survives envsubst: no variable in it', () => {
    expect(sample.comment).not.toMatch(/\$\w|\$\{/);
  });
});

test('every field of a route is in some sample', () => {
  const shown = new Set(
    samples.flatMap(({ documents }) =>
      documents.filter(({ kind }) => kind === 'ResponsesRoute').flatMap((document) => pathsOf(document, '')),
    ),
  );
  const fields = listFields().filter(({ path }) => path.startsWith('spec.'));
  const missing = fields.map(({ path }) => path).filter((path) => !shown.has(path));
  expect(missing).toEqual([]);
});

test('defaults.yaml says nothing that does not count without it', () => {
  const [written, silent] = ['defaults.yaml', 'passthrough.yaml'].map((name) => {
    const result = load(readSample(name), {});
    const [route] = (result.kind === 'loaded' && result.snapshot?.routes) || [];
    if (route === undefined) throw new Error(`${name} has no sound route`);
    // the one default that depends on other fields: what counts where HTTP is possible
    const { mode = 'Transcript' } = route.continuation;
    return { ...route, id: 'the same', continuation: { ...route.continuation, mode } };
  });
  expect(written).toEqual(silent);
});

test('defaults.yaml has every field that has a default', () => {
  const [document] = readSample('defaults.yaml').documents;
  const written = new Set(pathsOf(document, ''));
  const withDefault = listFields().filter((field) => field.default !== undefined && isReachable(field.path));
  expect(withDefault.map(({ path }) => path).filter((path) => !written.has(path))).toEqual([]);
});

test('manifests/README.md tells of every sample, and of no other', () => {
  const page = readFileSync(join(MANIFESTS, 'README.md'), 'utf8');
  const told = [...page.matchAll(/^\| \[([\w-]+\.yaml)\]\(samples\/\1\) +\|/gm)].map(([, name]) => name);
  expect(new Set(told)).toEqual(new Set(samples.map(({ name }) => name)));
});

/** A default inside an entry of a list, or of a map that is not there by itself, has nothing to count for. */
function isReachable(path: string): boolean {
  const optional = ['.match.headers[]', '.auth.header.', '.auth.secretRef.', '.caCertificateRefs[]'];
  return path.startsWith('spec.') && !optional.some((part) => path.includes(part));
}

function readSample(name: string): Sample {
  const text = readFileSync(join(SAMPLES, name), 'utf8');
  return {
    name,
    text,
    comment: text.slice(0, text.indexOf('apiVersion:')),
    variables: [...new Set([...text.matchAll(/\$\{(\w+)\}/g)].map(([, variable]) => String(variable)))],
    documents: parseAllDocuments(text).map((document) => document.toJS() as Sample['documents'][number]),
  };
}

/** A key for each variable, each another. */
function valuesOf(sample: Sample): Readonly<Record<string, string>> {
  return Object.fromEntries(sample.variables.map((variable) => [variable, `key-of-${variable}`]));
}

function load(
  { name, text }: Sample,
  env: Readonly<Record<string, string>>,
  options: {
    readonly loopbackAllowed: boolean;
    readonly missingReferences: 'Refused' | 'Tolerated';
  } = { loopbackAllowed: true, missingReferences: 'Refused' },
): LoadResult {
  const missingVariables = options.missingReferences === 'Refused' ? 'error' : 'warning';
  return loadFiles([{ name, text }], { env, missingVariables, bridgeName: undefined, ...options });
}

function pathsOf(value: unknown, prefix: string): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((entry: unknown) => pathsOf(entry, `${prefix}[]`));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const path = prefix === '' ? name : `${prefix}.${name}`;
    return [path, ...pathsOf(inner, path)];
  });
}
