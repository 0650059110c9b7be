import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadFiles } from '../../../src/config/load.ts';
import type { LoadOptions } from '../../../src/config/load.ts';
import { formatProblem, summarize } from '../../../src/config/problem.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/routes');
const OPTIONS: LoadOptions = {
  env: { WHO: 'alice' },
  missingVariables: 'error',
  loopbackAllowed: true,
  missingReferences: 'Refused',
  bridgeName: undefined,
};

function load(text: string, options: Partial<LoadOptions> = {}) {
  return loadFiles([{ name: 'routes.yaml', text }], { ...OPTIONS, ...options });
}

/** A fixture begins with its promise as a comment and ends with the problems it expects, as comments too. */
function fixturesIn(folder: string) {
  return readdirSync(join(FIXTURES, folder)).map((name) => {
    const text = readFileSync(join(FIXTURES, folder, name), 'utf8');
    return {
      name,
      text,
      promise: /^# (.*)/.exec(text)?.[1] ?? '',
      expected: [...text.matchAll(/^# expect: (.*)$/gm)].map((match) => `routes.yaml:${match[1]}`),
    };
  });
}

describe.each(['accepted', 'refused'])('%s route files', (folder) => {
  test.each(fixturesIn(folder))('$promise ($name)', ({ text, expected }) => {
    const result = load(text);
    expect(result.problems.map(formatProblem)).toEqual(expected);
    expect(result.kind).toBe(folder === 'accepted' ? 'loaded' : 'broken');
  });
});

const ROUTE = `
apiVersion: turnbridge.dev/v1alpha1
kind: ResponsesRoute
metadata: { name: a }
spec:
  clients: { auth: { type: None } }
  providers:
    - { name: a, url: 'http://127.0.0.1:1/v1', auth: { type: APIKey, secretRef: { name: a } } }
`;
const SECRET = `
apiVersion: v1
kind: Secret
metadata: { name: a }
stringData: { apiKey: '\${KEY}' }
`;

test('a route of one file refers to a Secret of another', () => {
  const files = [
    { name: 'a.yaml', text: ROUTE },
    { name: 'b.yaml', text: SECRET },
  ];
  const result = loadFiles(files, { ...OPTIONS, env: { KEY: 'sk-1' } });
  expect(result).toMatchObject({ kind: 'loaded', problems: [] });
  const auth = result.kind === 'loaded' ? result.snapshot?.routes[0]?.providers[0]?.auth : undefined;
  expect(auth?.type === 'APIKey' && auth.key.reveal()).toBe('sk-1');
});

test('a problem names the file it is in, files in the order given', () => {
  const files = [
    { name: 'z.yaml', text: ROUTE },
    { name: 'a.yaml', text: 'kind: Pod' },
  ];
  expect(loadFiles(files, OPTIONS).problems.map(formatProblem)).toEqual([
    'z.yaml:8:89: error: spec.providers[0].auth.secretRef.name: there is no Secret a in namespace default; add it, or write the name of one that exists there',
    'a.yaml:1:7: error: kind: kind "Pod" is not read here, only ResponsesRoute, Secret, ConfigMap; move it elsewhere',
  ]);
});

test('a variable without a value is an error where the route is to be served, a warning where it is checked', () => {
  const text = `${ROUTE}---${SECRET}`;
  expect(load(text).kind).toBe('broken');
  const checked = load(text, { missingVariables: 'warning' });
  expect(checked.kind).toBe('loaded');
  expect(checked.problems.map(formatProblem)).toEqual([
    'routes.yaml:13:23: warning: stringData.apiKey: environment variable KEY is not set; set it before the start, or write another',
  ]);
});

test('variables are replaced in the stringData of Secrets only', () => {
  const text = `${ROUTE}  headerPassthrough: { request: { allow: ['\${KEY}'] } }\n---${SECRET}`;
  expect(load(text, { env: { KEY: 'x-team' } }).problems.map(({ path }) => path.join('.'))).toEqual([
    'spec.headerPassthrough.request.allow.0',
  ]);
});

test('no problem shows what a Secret holds', () => {
  const secret = `
apiVersion: v1
kind: Secret
metadata: { name: a }
stringData: { apiKey: 'top secret', other: 12345678, twice: "\${top-secret}" }
data: { bad: top-secret! }
`;
  const text = load(`${ROUTE}---${secret}`).problems.map(formatProblem).join('\n');
  expect(text).toMatch(/apiKey of Secret default\/a holds spaces/);
  expect(text).not.toMatch(/top secret|top-secret|12345678/);
});

test('a url with a password is refused without showing it', () => {
  const result = load(ROUTE.replace('http://127', 'http://me:hunter2@127'));
  expect(result.kind).toBe('broken');
  expect(result.problems.map(formatProblem).join('\n')).not.toMatch(/hunter2/);
});

test('for a cluster, loopback is refused and what the file does not hold may be there already', () => {
  const result = load(ROUTE, { loopbackAllowed: false, missingReferences: 'Tolerated' });
  expect(result.problems.map(formatProblem)).toEqual([
    "routes.yaml:8:23: error: spec.providers[0].url: url leads to 127.0.0.1, the machine of the bridge itself, its link or its cloud's metadata; write the address of a provider in the cluster or outside",
  ]);
});

test('routes of another bridge are left to it', () => {
  const text = ROUTE.replace('spec:', 'spec:\n  bridgeName: other');
  expect(load(text, { bridgeName: 'default' })).toEqual({
    kind: 'loaded',
    snapshot: undefined,
    problems: [],
  });
  expect(load(text, { bridgeName: 'other' }).kind).toBe('broken');
});

test.each(['', '# nothing\n', '---\n---\n', 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c }\n'])(
  'a file without a route is no mistake: %j',
  (text) => {
    expect(load(text)).toEqual({ kind: 'loaded', snapshot: undefined, problems: [] });
  },
);

test('JSON is read as well, with places', () => {
  const text =
    '{"apiVersion": "turnbridge.dev/v1alpha1", "kind": "ResponsesRoute",\n "metadata": {"name": "A"}}';
  expect(load(text).problems.map(formatProblem)).toEqual([
    'routes.yaml:1:1: error: spec: spec is missing. Who may come in, which requests this route is for, and where their turns go.',
    'routes.yaml:2:23: error: metadata.name: name must be the name of a Kubernetes object: lower-case letters, digits, hyphens and dots; write a',
  ]);
});

test('anchors and merge keys mean what they mean to kubectl, and problems are shown where the text stands', () => {
  const text = `
apiVersion: turnbridge.dev/v1alpha1
kind: ResponsesRoute
metadata: { name: a }
spec:
  failover: { maxAttempts: 1 }
  providers:
    - &base { name: a, url: 'https://a.example.com/v1?x' }
    - <<: *base
      name: b
      priority: 1
`;
  expect(load(text).problems.map((problem) => [problem.path.join('.'), problem.position])).toEqual([
    ['spec.providers.0.url', { line: 8, column: 29 }],
    ['spec.providers.1.url', { line: 9, column: 7 }],
    ['spec.providers.1', { line: 9, column: 7 }],
  ]);
});

test('a text that would grow without bound is refused', () => {
  const levels = Array.from(
    { length: 12 },
    (_, i) =>
      `a${i}: &a${i} [${
        i === 0
          ? 'x'
          : Array(9)
              .fill(`*a${i - 1}`)
              .join()
      }]`,
  );
  expect(load(levels.join('\n')).problems.map(({ message }) => message)).toEqual([
    'the document refers to itself, or too often; write the values out',
  ]);
});

test('a document that refers to itself is refused like any other', () => {
  const text = `${ROUTE.replace('spec:', 'spec: &spec')}  telemetry: { sessionIds: *spec }\n  match: *spec\n`;
  expect(load(text).kind).toBe('broken');
});

test('the summary counts errors, warnings and files', () => {
  expect(summarize([], 0)).toBe('0 errors, 0 warnings in 0 files');
  expect(summarize(load('kind: Pod').problems, 1)).toBe('1 error, 0 warnings in 1 file');
});
