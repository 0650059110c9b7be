/** Secrets and ConfigMaps as documents of a file: as much of them as routes can refer to. */
import { didYouMeanSuffix } from '../route/did-you-mean.ts';
import { errorAt, errorAtKey } from '../route/problem.ts';
import type { Path, Problem } from '../route/problem.ts';
import { Secret } from '../route/secret.ts';
import { expandVariables, meantVariable } from './variables.ts';
import type { Environment } from './variables.ts';

/** A Secret or a ConfigMap with its entries in plain. */
export interface CoreObject {
  readonly kind: 'Secret' | 'ConfigMap';
  readonly namespace: string;
  readonly name: string;
  readonly entries: ReadonlyMap<string, Secret>;
}

export interface CoreObjectOptions {
  readonly env: Environment;
  /** How a variable without a value counts. */
  readonly missingVariables: 'error' | 'warning';
}

type Raw = Readonly<Record<string, unknown>>;

const FIELDS: Readonly<Record<CoreObject['kind'], readonly string[]>> = {
  Secret: ['apiVersion', 'kind', 'metadata', 'type', 'immutable', 'data', 'stringData'],
  ConfigMap: ['apiVersion', 'kind', 'metadata', 'immutable', 'data', 'binaryData'],
};

/**
 * Reads a document of kind Secret (`data` in base64, `stringData` with `${ENV}`) or ConfigMap (`data`).
 *
 * @returns The object when its name is known, also beside problems: so that routes which refer to it are judged.
 */
export function parseCoreObject(
  document: Raw,
  kind: CoreObject['kind'],
  options: CoreObjectOptions,
): { readonly object: CoreObject | undefined; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  if (document['apiVersion'] !== 'v1') {
    problems.push(errorAt(['apiVersion'], `apiVersion of a ${kind} is v1; write apiVersion: v1`));
  }
  for (const field of Object.keys(document)) {
    if (FIELDS[kind].includes(field)) continue;
    const hint = didYouMeanSuffix(field, FIELDS[kind]) || '; remove it';
    problems.push(errorAtKey([field], `there is no field ${JSON.stringify(field)} in a ${kind}${hint}`));
  }
  const entries = new Map<string, Secret>();
  if (kind === 'ConfigMap') readEntries(document['data'], ['data'], problems, entries, (text) => text);
  else readSecretEntries(document, problems, entries, options);
  const identity = readIdentity(document['metadata'], kind, problems);
  return { object: identity && { kind, ...identity, entries }, problems };
}

function readSecretEntries(
  document: Raw,
  problems: Problem[],
  entries: Map<string, Secret>,
  { env, missingVariables }: CoreObjectOptions,
): void {
  readEntries(document['data'], ['data'], problems, entries, (text, path) => {
    const compact = text.replace(/\s/g, '');
    if (compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(compact)) {
      problems.push(
        errorAt(path, 'the value is not base64; encode it, or write it as plain text under stringData'),
      );
    }
    return Buffer.from(compact, 'base64').toString('utf8');
  });
  // Written second, because stringData wins over data, as in a cluster.
  readEntries(document['stringData'], ['stringData'], problems, entries, (text, path) => {
    const { text: expanded, mistakes } = expandVariables(text, env);
    for (const mistake of mistakes) problems.push({ ...errorAt(path, mistake), severity: missingVariables });
    const meant = meantVariable(text);
    if (meant !== undefined) problems.push({ ...errorAt(path, meant), severity: 'warning' });
    return expanded;
  });
}

function readEntries(
  raw: unknown,
  path: Path,
  problems: Problem[],
  entries: Map<string, Secret>,
  read: (text: string, path: Path) => string,
): void {
  if (raw === undefined || raw === null) return;
  if (!isMap(raw)) {
    problems.push(errorAt(path, `${path.join('.')} must be a map from names to text`));
    return;
  }
  for (const [name, value] of Object.entries(raw)) {
    const at = [...path, name];
    if (!/^[-._a-zA-Z0-9]{1,253}$/.test(name)) {
      problems.push(
        errorAtKey(at, 'the name of an entry has letters, digits, hyphens, underscores and dots only'),
      );
    }
    if (typeof value === 'string') {
      entries.set(name, new Secret(read(value, at)));
      continue;
    }
    // The value is not shown: it may be a key that happens to look like a number.
    const mistake =
      value === null ? 'the entry is empty; write a value' : 'the value must be text; put it in quotes';
    problems.push(errorAt(at, mistake));
  }
}

function readIdentity(
  metadata: unknown,
  kind: string,
  problems: Problem[],
): { namespace: string; name: string } | undefined {
  const path = ['metadata'];
  const { name, namespace = 'default' } = isMap(metadata) ? metadata : {};
  if (typeof name !== 'string' || name === '') {
    problems.push(
      errorAt([...path, 'name'], `metadata.name of the ${kind} is missing; write metadata: {name: NAME}`),
    );
    return undefined;
  }
  if (typeof namespace !== 'string' || namespace === '') {
    problems.push(
      errorAt([...path, 'namespace'], 'metadata.namespace must be text; write a name or remove it'),
    );
    return undefined;
  }
  return { namespace, name };
}

function isMap(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
