import { compile } from '../route/compile.ts';
import type { CompileOptions } from '../route/compile.ts';
import { errorAt } from '../route/problem.ts';
import type { ReferenceLookup } from '../route/references.ts';
import type { Secret } from '../route/secret.ts';
import type { Snapshot } from '../route/snapshot.ts';
import type { CoreObject, CoreObjectOptions } from './core-objects.ts';
import { parseDocuments } from './documents.ts';
import type { Documents } from './documents.ts';
import { sortProblems } from './problem.ts';
import type { LocatedProblem } from './problem.ts';

/** A text and the name by which people know it. */
export interface SourceFile {
  readonly name: string;
  readonly text: string;
}

/** What became of a set of files. All problems there are, by file and place. */
export type LoadResult =
  /** Only warnings. Undefined: the files hold no route. */
  | {
      readonly kind: 'loaded';
      readonly snapshot: Snapshot | undefined;
      readonly problems: readonly LocatedProblem[];
    }
  /** At least one error: nothing of it may be served. */
  | { readonly kind: 'broken'; readonly problems: readonly LocatedProblem[] };

export interface LoadOptions extends CoreObjectOptions, CompileOptions {}

/**
 * Loads files as one set: a route of one may refer to a Secret of another. Never throws.
 *
 * @param files In the order of age: earlier documents count as older.
 */
export function loadFiles(files: readonly SourceFile[], options: LoadOptions): LoadResult {
  const parsed = files.map(({ name, text }) => parseDocuments(name, text, options));
  const problems: LocatedProblem[] = parsed.flatMap((documents) => documents.problems);
  const lookup = toLookup(parsed, problems);
  const routes = parsed.flatMap((documents) => documents.routes);
  const compiled = compile(
    routes.map(({ resource }) => resource),
    lookup,
    options,
  );
  for (const problem of compiled.problems) {
    const located = routes[problem.document]?.locate(problem);
    if (located !== undefined) problems.push(located);
  }
  const sorted = sortProblems(
    problems,
    files.map(({ name }) => name),
  );
  return sorted.some((problem) => problem.severity === 'error')
    ? { kind: 'broken', problems: sorted }
    : { kind: 'loaded', snapshot: compiled.snapshot, problems: sorted };
}

function toLookup(parsed: readonly Documents[], problems: LocatedProblem[]): ReferenceLookup {
  const objects = new Map<string, CoreObject>();
  for (const { object, locate } of parsed.flatMap((documents) => documents.objects)) {
    const key = toKey(object.kind, object.namespace, object.name);
    if (objects.has(key)) {
      const id = `${object.kind} ${object.namespace}/${object.name}`;
      problems.push(
        locate(errorAt(['metadata', 'name'], `${id} is written twice; remove one, or join their entries`)),
      );
    } else {
      objects.set(key, object);
    }
  }
  return {
    secret: (namespace, name) => objects.get(toKey('Secret', namespace, name))?.entries,
    configMap: (namespace, name) => toTexts(objects.get(toKey('ConfigMap', namespace, name))?.entries),
    namespacesOf: (kind, name) =>
      [...objects.values()]
        .filter((object) => object.kind === kind && object.name === name)
        .map((object) => object.namespace),
  };
}

function toKey(kind: string, namespace: string, name: string): string {
  return `${kind} ${namespace}/${name}`;
}

/** What a ConfigMap holds is no secret. */
function toTexts(entries: ReadonlyMap<string, Secret> | undefined): ReadonlyMap<string, string> | undefined {
  return entries && new Map([...entries].map(([name, entry]) => [name, entry.reveal()]));
}
