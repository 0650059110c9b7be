import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse, parseAllDocuments } from 'yaml';
import { responsesRouteCrd } from '../../../src/route/crd.ts';
import { listFields } from '../../../src/route/fields.ts';
import { responsesRouteJsonSchema } from '../../../src/route/json-schema.ts';
import { specSchema } from '../../../src/route/resource.ts';

const ROOT = join(import.meta.dirname, '../../..');
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

interface Rule {
  readonly rule: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly fieldPath?: string;
  readonly reason?: string;
}

interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly format?: string;
  readonly pattern?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly Rule[];
  readonly [keyword: string]: unknown;
}

interface Crd {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly names: { readonly shortNames: readonly string[] };
    readonly versions: readonly [{ readonly schema: { readonly openAPIV3Schema: Schema } }];
  };
}

const CRD = responsesRouteCrd(version) as unknown as Crd;
const SCHEMA = CRD.spec.versions[0].schema.openAPIV3Schema;

/** Every field below spec and status, with its path; entries of lists have `[]`. */
const FIELDS = [...fieldsOf(SCHEMA, '')].filter(({ path }) => /^(spec|status)\b/.test(path));

function fieldsOf(
  schema: Schema,
  path: string,
): readonly { readonly path: string; readonly schema: Schema }[] {
  return [
    { path, schema },
    ...(schema.items === undefined ? [] : fieldsOf(schema.items, `${path}[]`)),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, inner]) =>
      fieldsOf(inner, path === '' ? name : `${path}.${name}`),
    ),
  ];
}

/** The paths of the fields of which this does not hold. */
function breaking(holds: (schema: Schema) => boolean): readonly string[] {
  return FIELDS.filter(({ schema }) => !holds(schema)).map(({ path }) => path);
}

test('manifests/crd is what the schema says', () => {
  const text = readFileSync(join(ROOT, `manifests/crd/${CRD.metadata.name}.yaml`), 'utf8');
  // as kubectl reads it
  expect(parse(text, { version: '1.1' })).toEqual(JSON.parse(JSON.stringify(CRD)));
});

test('the short name has three letters or more, and is nobody else’s', () => {
  expect(CRD.spec.names.shortNames).toEqual(['tbroute']);
});

describe('the schema is structural', () => {
  test('no field allows what it does not know', () => {
    expect(breaking((schema) => !('additionalProperties' in schema))).toEqual([]);
    expect(JSON.stringify(CRD)).not.toContain('preserve-unknown-fields');
  });

  test('every field says what type it has, and none has several', () => {
    expect(breaking(({ type }) => typeof type === 'string')).toEqual([]);
    expect(
      breaking((schema) => !['anyOf', 'oneOf', 'allOf', '$ref', 'not'].some((key) => key in schema)),
    ).toEqual([]);
  });

  test('metadata is left to the API server', () => {
    expect(SCHEMA.properties?.['metadata']).toEqual({ type: 'object' });
  });
});

describe('everything has a bound, so that the API server knows what a rule costs', () => {
  test('texts have a length, and a pattern unless any text will do', () => {
    const texts = ({ type, enum: values }: Schema) => type === 'string' && values === undefined;
    expect(breaking((schema) => !texts(schema) || 'maxLength' in schema)).toEqual([]);
    expect(breaking((schema) => !texts(schema) || 'pattern' in schema || 'format' in schema)).toEqual([
      'spec.match.headers[].value', // any text, or a regular expression
      'spec.providers[].url', // rules say what a url is, one by one
      'spec.providers[].query[].value', // any text
      'status.conditions[].message', // a sentence
    ]);
  });

  test('numbers have two', () => {
    expect(
      breaking((schema) => schema.type !== 'integer' || ('minimum' in schema && 'maximum' in schema)),
    ).toEqual([]);
    expect(breaking(({ type }) => type !== 'number' && type !== 'boolean')).toEqual([]);
  });

  test('lists have one', () => {
    expect(breaking((schema) => schema.type !== 'array' || 'maxItems' in schema)).toEqual([]);
  });
});

describe('lists', () => {
  const lists = FIELDS.filter(({ schema }) => schema.type === 'array');
  const ofType = (type: string | undefined) =>
    lists.filter(({ schema }) => schema['x-kubernetes-list-type'] === type);

  test('say how they merge', () => {
    expect(ofType(undefined)).toEqual([]);
  });

  test('of entries with a key merge by it, and each entry has it', () => {
    for (const { path, schema } of ofType('map')) {
      for (const key of schema['x-kubernetes-list-map-keys'] ?? []) {
        const isThere = schema.items?.required?.includes(key) ?? false;
        expect([path, key, isThere]).toEqual([path, key, true]);
      }
      expect([path, schema['x-kubernetes-list-map-keys']?.length]).toEqual([path, 1]);
    }
  });

  test('of values merge as sets', () => {
    expect(ofType('set').filter(({ schema }) => schema.items?.type !== 'string')).toEqual([]);
  });

  test('are replaced as a whole where a default or somebody else’s entry would stay beside what is applied', () => {
    expect(ofType('atomic').map(({ path }) => path)).toEqual([
      'spec.match.paths',
      'spec.providers[].tls.caCertificateRefs',
      'spec.failover.causes',
      'spec.relay.paths',
      'spec.relay.webSocketPaths',
    ]);
    const filled = lists.filter(({ schema }) => Array.isArray(schema.default) && schema.default.length > 0);
    expect(filled.filter(({ schema }) => schema['x-kubernetes-list-type'] !== 'atomic')).toEqual([]);
  });
});

describe('kubectl explain reads like documentation', () => {
  test('every field says what it is for, in sentences', () => {
    const silent = FIELDS.filter(
      ({ path, schema }) => !path.endsWith('[]') && !/^[A-Z].*\.$/s.test(schema.description ?? ''),
    );
    expect(silent.map(({ path }) => path)).toEqual([]);
  });

  test('and every field of a file is there', () => {
    const there = new Set(FIELDS.map(({ path }) => path));
    const fields = listFields().filter(({ path }) => path.startsWith('spec.'));
    expect(fields.filter(({ path }) => !there.has(path))).toEqual([]);
  });
});

describe('rules', () => {
  const rules = FIELDS.flatMap(({ path, schema }) =>
    (schema['x-kubernetes-validations'] ?? []).map((rule) => ({ path, schema, ...rule })),
  );

  test('each has a sentence, a reason, and names a field that there is', () => {
    expect(rules.length).toBeGreaterThan(60);
    for (const { path, schema, message, messageExpression, fieldPath, reason } of rules) {
      expect([path, message === undefined]).toEqual([path, messageExpression !== undefined]);
      expect(message ?? '').not.toMatch(/\n/);
      expect(['FieldValueInvalid', 'FieldValueForbidden', 'FieldValueRequired']).toContain(reason);
      let field: Schema | undefined = schema;
      for (const step of fieldPath?.split('.').slice(1) ?? []) field = field?.properties?.[step];
      expect([path, fieldPath, field !== undefined]).toEqual([path, fieldPath, true]);
    }
  });

  // the API server reckons with the longest text that a call may give, and knows no bound for these
  test('no sentence is put together from texts without a bound, such as a number as text', () => {
    const unbounded = rules.filter(({ messageExpression = '' }) =>
      /\b(string|join|format)\(/.test(messageExpression),
    );
    expect(unbounded.map(({ path, messageExpression }) => [path, messageExpression])).toEqual([]);
  });

  test('and no pattern has what RE2 does not know: lookaround, back references', () => {
    const patterns = FIELDS.flatMap(({ schema }) => schema.pattern ?? []);
    expect(patterns.length).toBeGreaterThan(10);
    expect(patterns.filter((pattern) => /\(\?|\\[1-9]|\\\//.test(pattern))).toEqual([]);
  });

  test('a key that somebody wrote into a url is not shown: invalid values are, forbidden ones are not', () => {
    const ofUrl = rules.filter(({ path }) => path === 'spec.providers[].url');
    expect(ofUrl.length).toBeGreaterThan(5);
    expect(ofUrl.filter(({ reason }) => reason !== 'FieldValueForbidden')).toEqual([]);
  });
});

describe('defaults of the CRD are those of files', () => {
  test.each(['accepted/minimal.yaml', 'accepted/everything.yaml'])('%s', (name) => {
    const text = readFileSync(join(ROOT, 'test/fixtures/routes', name), 'utf8');
    const [document] = parseAllDocuments(text);
    const { spec } = (document?.toJS() ?? {}) as { spec?: unknown };
    expect(withDefaults(spec, SCHEMA.properties?.['spec'] ?? {})).toEqual(
      JSON.parse(JSON.stringify(specSchema.parse(spec))),
    );
  });

  test('a map that is left out has the defaults of its fields', () => {
    const spec = { providers: [{ name: 'a', url: 'https://a.example.com' }] };
    expect(withDefaults(spec, SCHEMA.properties?.['spec'] ?? {})).toMatchObject({
      clients: { auth: { type: 'Passthrough' }, queryPassthrough: { allow: [] } },
      providers: [
        { auth: { type: 'Passthrough' }, health: { ejectionSeconds: 10 }, tls: { caCertificateRefs: [] } },
      ],
      headerPassthrough: { request: { allow: [], deny: [] } },
    });
  });
});

test('the CRD writes no value into stored routes that the operator of the version before refuses', () => {
  const fields = listFields().filter(
    ({ path }) => path === 'spec.providers[].limits.maxConnectionAgeSeconds',
  );
  expect(fields.map((field) => field.default)).toEqual([undefined]);
});

/** What the API server makes of a value: the default of what is missing, and then the defaults inside it. */
function withDefaults(value: unknown, schema: Schema): unknown {
  if (Array.isArray(value)) return value.map((entry) => withDefaults(entry, schema.items ?? {}));
  if (typeof value !== 'object' || value === null) return value;
  const filled: Record<string, unknown> = { ...value };
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    if (filled[name] === undefined && field.default !== undefined) filled[name] = field.default;
    if (filled[name] !== undefined) filled[name] = withDefaults(filled[name], field);
  }
  return filled;
}

test('editors get nothing that only a cluster reads', () => {
  expect(JSON.stringify(responsesRouteJsonSchema())).not.toContain('x-kubernetes');
});

test('no field and no value is a word that kubectl, which reads YAML 1.1, takes for a truth value', () => {
  const ofSpec = FIELDS.filter(({ path }) => path.startsWith('spec'));
  const words = ofSpec.flatMap(({ path, schema }) => [...path.split(/[.[\]]+/), ...(schema.enum ?? [])]);
  expect(words.filter((word) => word !== '' && typeof parse(word, { version: '1.1' }) !== 'string')).toEqual(
    [],
  );
});
