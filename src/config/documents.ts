import { checkResource } from '../route/check-resource.ts';
import type { CheckedResource } from '../route/check-resource.ts';
import { didYouMean } from '../route/did-you-mean.ts';
import { errorAt } from '../route/problem.ts';
import type { Problem } from '../route/problem.ts';
import { KIND } from '../route/resource.ts';
import { parseCoreObject } from './core-objects.ts';
import type { CoreObject, CoreObjectOptions } from './core-objects.ts';
import type { LocatedProblem } from './problem.ts';
import { parseYamlText } from './yaml-text.ts';
import type { YamlDocument } from './yaml-text.ts';

/** What can be told about a document, with its place. */
export type Locate = (problem: Problem) => LocatedProblem;

/** The documents of one file, by kind. */
export interface Documents {
  /** The problems of a resource are in it, not among `problems`. */
  readonly routes: readonly { readonly resource: CheckedResource; readonly locate: Locate }[];
  readonly objects: readonly { readonly object: CoreObject; readonly locate: Locate }[];
  /** Of syntax, of kinds, and of Secrets and ConfigMaps. */
  readonly problems: readonly LocatedProblem[];
}

/**
 * Reads a text of several YAML documents: ResponsesRoute, Secret and ConfigMap. Never throws.
 *
 * @param file Names the text in problems.
 */
export function parseDocuments(file: string, text: string, options: CoreObjectOptions): Documents {
  const parsed = parseYamlText(file, text);
  const problems: LocatedProblem[] = [...parsed.problems];
  const routes: { resource: CheckedResource; locate: Locate }[] = [];
  const objects: { object: CoreObject; locate: Locate }[] = [];
  for (const document of parsed.documents) {
    const locate = locateIn(file, document);
    const kind = kindOf(document.value);
    if (typeof kind !== 'string') {
      problems.push(locate(kind));
    } else if (kind === KIND) {
      routes.push({ resource: checkResource(document.value), locate });
    } else {
      const read = parseCoreObject(document.value as Record<string, unknown>, kind, options);
      problems.push(...read.problems.map(locate));
      if (read.object !== undefined) objects.push({ object: read.object, locate });
    }
  }
  return { routes, objects, problems };
}

const KINDS = [KIND, 'Secret', 'ConfigMap'] as const;
type Kind = (typeof KINDS)[number];

/** The kind of a document, or why it is none of ours. */
function kindOf(document: unknown): Kind | Problem {
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    return errorAt([], `the document must be a map of fields; begin with apiVersion and kind: ${KIND}`);
  }
  const { kind } = document as { kind?: unknown };
  const known = KINDS.find((name) => name === kind);
  if (known !== undefined) return known;
  if (typeof kind !== 'string') {
    return errorAt(['kind'], `kind is missing; write kind: ${KIND} (Secret and ConfigMap are read too)`);
  }
  const meant = didYouMean(kind, KINDS);
  if (meant !== undefined)
    return errorAt(['kind'], `kind ${JSON.stringify(kind)} is not known; did you mean ${meant}?`);
  const advice =
    kind === 'List' ? 'write its items as documents of their own, with --- between' : 'move it elsewhere';
  return errorAt(
    ['kind'],
    `kind ${JSON.stringify(kind)} is not read here, only ${KINDS.join(', ')}; ${advice}`,
  );
}

function locateIn(file: string, document: YamlDocument): Locate {
  return (problem) => ({
    severity: problem.severity,
    file,
    position: document.locate(problem),
    path: problem.path,
    message: problem.message,
  });
}
