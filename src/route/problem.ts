/** Steps from the root of a document to one of its values. */
export type Path = readonly (string | number)[];

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
}

/** An error about the value at `path`. */
export function errorAt(path: Path, message: string): Problem {
  return { severity: 'error', path, at: 'value', message };
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
