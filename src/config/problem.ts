import { formatPath } from '../route/problem.ts';
import type { Path } from '../route/problem.ts';

/** A problem with its place in a file. */
export interface LocatedProblem {
  readonly severity: 'error' | 'warning';
  /** As the person named it, with the path below it for a folder; `(stdin)` for standard input. */
  readonly file: string;
  /** Both from 1; undefined when the file as a whole is meant. */
  readonly position: Position | undefined;
  /** The field, from the root of its document; empty when none is meant. */
  readonly path: Path;
  /** One sentence: what is wrong, and what to write instead. Never holds a credential. */
  readonly message: string;
}

/** Line and column, both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** `routes.yaml:12:9: error: spec.providers[0].url: url holds a query; …`: as compilers write, so editors can jump. */
export function formatProblem({ file, position, severity, path, message }: LocatedProblem): string {
  const place = position === undefined ? file : `${file}:${position.line}:${position.column}`;
  const field = formatPath(path);
  return `${place}: ${severity}: ${field === '' ? '' : `${field}: `}${message}`;
}

/** `2 errors, 1 warning in 1 file`. */
export function summarize(problems: readonly LocatedProblem[], files: number): string {
  const errors = problems.filter((problem) => problem.severity === 'error').length;
  return `${count(errors, 'error')}, ${count(problems.length - errors, 'warning')} in ${count(files, 'file')}`;
}

/** By file in the order given, then by place. Stable for equal places. */
export function sortProblems(
  problems: readonly LocatedProblem[],
  files: readonly string[],
): readonly LocatedProblem[] {
  return problems.toSorted(
    (a, b) =>
      files.indexOf(a.file) - files.indexOf(b.file) ||
      (a.position?.line ?? 0) - (b.position?.line ?? 0) ||
      (a.position?.column ?? 0) - (b.position?.column ?? 0),
  );
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
