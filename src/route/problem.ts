/** Steps from the root of a document to one of its values. */
export type Path = readonly (string | number)[];

/**
 * What kind of mistake it is, where a cluster tells kinds apart in a route's status. `Conflicted` and `HostnameNotAllowed`: with an older route; the others: with what it refers to.
 */
export type ProblemReason =
  'Conflicted' | 'HostnameNotAllowed' | 'SecretNotFound' | 'SecretKeyMissing' | 'InvalidCACertificateRef';

/** What is wrong with a document, or legal but surely not meant. */
export interface Problem {
  /** A route with an error is not served; one with a warning is. */
  readonly severity: 'error' | 'warning';
  /** From the root of the document. Where something is missing, the path it should have had. */
  readonly path: Path;
  /** `key` when the name of the field is the mistake, not its value. */
  readonly at: 'key' | 'value';
  /** One sentence: what is wrong, and what to write instead. Never holds a credential. */
  readonly message: string;
  /** Left out for what is simply wrong. */
  readonly reason?: ProblemReason;
}

/** An error about the value at `path`. */
export function errorAt(path: Path, message: string, reason?: ProblemReason): Problem {
  const problem = { severity: 'error', path, at: 'value', message } as const;
  return reason === undefined ? problem : { ...problem, reason };
}

/** A warning about the value at `path`. */
export function warningAt(path: Path, message: string): Problem {
  return { severity: 'warning', path, at: 'value', message };
}

/** An error about the name of the field at `path`. */
export function errorAtKey(path: Path, message: string): Problem {
  return { severity: 'error', path, at: 'key', message };
}

/** Whether any of these keeps a route from being served. */
export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some((problem) => problem.severity === 'error');
}

const REFERENCE_REASONS: ReadonlySet<ProblemReason | undefined> = new Set([
  'SecretNotFound',
  'SecretKeyMissing',
  'InvalidCACertificateRef',
]);

/** Whether it is about what the route refers to, which may change without the route. */
export function isReferenceProblem({ reason }: Problem): boolean {
  return REFERENCE_REASONS.has(reason);
}

/** `spec.providers[0].url`; empty for the document itself. */
export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[\w-]+$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}
