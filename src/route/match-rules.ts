import type { RouteSections } from './check-resource.ts';
import { duplicateKeys, duplicateValues } from './duplicates.ts';
import { isReservedHeader } from './header-names.ts';
import { headerPatternMistake } from './header-pattern.ts';
import { modelPatternMistake } from './model-pattern.ts';
import { errorAt, warningAt } from './problem.ts';
import type { Path, Problem } from './problem.ts';

const MATCH: Path = ['spec', 'match'];
const HOSTNAMES: Path = ['spec', 'hostnames'];

/** `spec.hostnames` and `spec.match`. */
export function matchRules({ hostnames, match }: RouteSections): readonly Problem[] {
  return [
    ...hostnameRules(hostnames ?? []),
    ...duplicateValues(match.paths, [...MATCH, 'paths']),
    ...(match.paths ?? []).flatMap(pathRules),
    ...duplicateValues(match.models, [...MATCH, 'models']),
    ...modelPatternRules(match.models ?? [], [...MATCH, 'models']),
    ...duplicateKeys(match.headers, 'name', [...MATCH, 'headers']),
    ...(match.headers ?? []).flatMap(headerRules),
  ];
}

/** An error at each pattern whose wildcard stands where it cannot. */
export function modelPatternRules(patterns: readonly string[], path: Path): readonly Problem[] {
  return patterns.flatMap((pattern, index) => {
    const mistake = modelPatternMistake(pattern);
    return mistake === undefined ? [] : [errorAt([...path, index], mistake)];
  });
}

function hostnameRules(hostnames: readonly string[]): readonly Problem[] {
  const lower = hostnames.map((hostname) => hostname.toLowerCase());
  return [
    ...duplicateValues(lower, HOSTNAMES),
    ...hostnames.flatMap((hostname, index) =>
      hostname === lower[index]
        ? []
        : [warningAt([...HOSTNAMES, index], `host names have no upper case; write ${lower[index]}`)],
    ),
  ];
}

function pathRules(path: string, index: number): readonly Problem[] {
  const base = /^(.*)\/responses$/.exec(path)?.[1];
  if (base === undefined) return [];
  return [
    warningAt(
      [...MATCH, 'paths', index],
      `this is the base below which /responses lies: clients would have to ask for ${path}/responses; write ${base === '' ? '/' : base}`,
    ),
  ];
}

function headerRules(
  header: { readonly name: string; readonly type: string; readonly value: string },
  index: number,
): readonly Problem[] {
  const path = [...MATCH, 'headers', index];
  if (isReservedHeader(header.name)) {
    return [
      errorAt(
        [...path, 'name'],
        `${header.name} belongs to the connection and cannot choose a route; use another header`,
      ),
    ];
  }
  const mistake = header.type === 'RegularExpression' ? headerPatternMistake(header.value) : undefined;
  return mistake === undefined ? [] : [errorAt([...path, 'value'], mistake)];
}
