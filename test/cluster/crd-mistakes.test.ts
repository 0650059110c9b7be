/** What a real API server says of every mistake in a route; docs/route-mistakes.md tells the same. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import type { RouteMistake } from '../harness/mistakes/mistake-row.ts';
import { ROUTE_MISTAKES, toDocument } from '../harness/route-mistakes.ts';
import { isToldBy, placedRules } from './crd-rules.ts';
import type { Cause } from './crd-rules.ts';
import { useCluster } from './use-cluster.ts';

const cluster = useCluster();
let namespace = '';
/** Everything the API server said in this file. */
const told: Cause[] = [];

beforeAll(async () => {
  namespace = await cluster.namespace();
});

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly causes: readonly Cause[];
}

type Json = Readonly<Record<string, unknown>>;

/** Asks whether the API server would take a route. Nothing is stored. */
async function tryRoute(document: Json, fieldValidation: 'Strict' | 'Warn' = 'Strict'): Promise<Answer> {
  const api = await cluster.adminClient();
  const { status, body } = await api.ask({
    method: 'POST',
    path: `/apis/turnbridge.dev/v1alpha1/namespaces/${namespace}/responsesroutes`,
    query: { dryRun: 'All', fieldValidation },
    body: document,
  });
  const { message = '', details } = body as { message?: string; details?: { causes?: readonly Cause[] } };
  const causes = details?.causes ?? [];
  told.push(...causes);
  return { status, text: message, causes };
}

describe('the API server refuses what the table says, in the words it says', () => {
  test.each(ROUTE_MISTAKES.filter(({ cluster: { by } }) => by === 'API server'))(
    '$section: $mistake',
    async (row) => {
      const says = 'says' in row.cluster ? row.cluster.says : row.check;
      expect((await refusalOf(row)).replaceAll(namespace, 'NAMESPACE')).toContain(says);
    },
  );
});

async function refusalOf(row: RouteMistake): Promise<string> {
  const document = toDocument(row, namespace);
  if (row.apiVersion === undefined) {
    const { status, text } = await tryRoute(document);
    return status < 400 ? 'it was taken' : text;
  }
  // there is no address to send another version to: it is kubectl that finds out
  const { code, stderr } = await cluster.kubectl(['apply', '--dry-run=server', '-f', '-'], {
    stdin: document,
  });
  return code === 0 ? 'it was taken' : stderr;
}

describe('an unknown field is refused where the client asks for it, as kubectl does, and dropped for others', () => {
  test.each(ROUTE_MISTAKES.filter(({ cluster: { by } }) => by === 'strict clients'))(
    '$section: $mistake',
    async (row) => {
      const document = toDocument(row, namespace);
      const strict = await tryRoute(document);
      expect(strict.status).toBe(400);
      expect(strict.text).toContain('says' in row.cluster ? row.cluster.says : row.check);
      expect(await tryRoute(document, 'Warn')).toMatchObject({ status: 201 });
    },
  );
});

describe('the API server takes what the operator explains, and what is no mistake in a cluster', () => {
  test.each(ROUTE_MISTAKES.filter(({ cluster: { by } }) => by === 'status' || by === 'nobody'))(
    '$section: $mistake',
    async (row) => {
      expect(await tryRoute(toDocument(row, namespace))).toMatchObject({ status: 201, causes: [] });
    },
  );
});

test('a key in a url is refused without being shown', async () => {
  const url = 'https://me:hunter2@a.example.com:99999/v1?key=hunter2#hunter2';
  const { status, text, causes } = await tryRoute({
    apiVersion: 'turnbridge.dev/v1alpha1',
    kind: 'ResponsesRoute',
    metadata: { name: 'key' },
    spec: { providers: [{ name: 'a', url }] },
  });
  expect([status, causes.length]).toEqual([422, 4]);
  expect(text).not.toContain('hunter2');
});

/** Sound routes that between them write every field that carries a pattern. */
const SOUND = [
  ...documentsOf('test/fixtures/routes/accepted/everything.yaml', (text) =>
    text.replace('http://127.0.0.1:8000', 'http://mini.models.svc:8000'),
  ),
  ...documentsOf('manifests/samples/private-gateway.yaml'),
];

function documentsOf(file: string, change = (text: string) => text): readonly Json[] {
  const text = change(readFileSync(join(import.meta.dirname, '../..', file), 'utf8'));
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Json)
    .filter(({ kind }) => kind === 'ResponsesRoute')
    .map(({ apiVersion, kind, spec }) => ({
      apiVersion,
      kind,
      metadata: { name: 'sound', namespace },
      spec,
    }));
}

test.each(SOUND.map((document, index) => ({ index, document })))(
  'sound route $index breaks no rule',
  async ({ document }) => {
    expect(await tryRoute({ ...document, metadata: { name: 'sound' } })).toMatchObject({
      status: 201,
      causes: [],
    });
  },
);

const PATTERN_RULES = placedRules().filter(
  ({ pattern, path }) => pattern !== undefined && path.startsWith('spec.'),
);

/** Text that fits no pattern of ours: a control character, and bare brackets. */
const UNFIT = '\u0001 {}';

describe('a text that does not fit its pattern is told in a sentence too', () => {
  test.each(PATTERN_RULES)('$path', async (rule) => {
    const route = SOUND.find((document) => placesOf(document, rule.path).length > 0);
    if (route === undefined) throw new Error(`no sound route writes ${rule.path}; add it to one`);
    const broken = structuredClone(route);
    const [place] = placesOf(broken, rule.path);
    place?.write(UNFIT);
    const { status, causes } = await tryRoute({ ...broken, metadata: { name: 'broken' } });
    expect(status).toBe(422);
    expect(causes.filter((cause) => isToldBy(rule, cause))).not.toEqual([]);
  });
});

interface Place {
  write(value: unknown): void;
}

/** Every place in a document that a path such as `spec.providers[].url` names. */
function placesOf(document: Json, path: string): readonly Place[] {
  let holders: unknown[] = [document];
  const steps = path.split(/\.|(?=\[\])/);
  const last = steps.pop() ?? '';
  for (const step of steps) {
    holders = holders.flatMap((holder) =>
      step === '[]' ? (holder as unknown[]) : [(holder as Json)[step]].filter((value) => value !== undefined),
    );
  }
  return holders.flatMap((holder) => {
    const keys =
      last === '[]'
        ? Object.keys(holder as object)
        : [last].filter((key) => Object.hasOwn(Object(holder) as object, key));
    return keys.map((key): Place => ({
      write: (value) => void ((holder as Record<string, unknown>)[key] = value),
    }));
  });
}

// the last test of the file: it looks back on all others
test('every rule of the CRD was broken by something above, and told', () => {
  const silent = placedRules().filter((rule) => !told.some((cause) => isToldBy(rule, cause)));
  expect(silent.map(({ id, rule }) => `${id}: ${rule}`)).toEqual([]);
});
