/** Errors that are the user's to mend, and what to say of them. Everything else keeps its stack. */

/** Wrong usage, in words for the person who typed it: what is wrong and what to write. */
export class UsageError extends Error {}

/** Wrong flags, in the words of `parseArgs`. */
export function isUsageError(error: unknown): error is Error {
  return error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}

const LISTEN_CODES = new Set(['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL', 'ENOTFOUND']);

/** An address that cannot be had. */
export function isListenError(error: unknown): error is NodeJS.ErrnoException {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return (
    LISTEN_CODES.has(code) ||
    (error instanceof Error && error.cause !== undefined && isListenError(error.cause))
  );
}

/** Which address, and what to write instead. */
export function listenAdvice(error: NodeJS.ErrnoException, flags: string): string {
  const { code } = isErrno(error.cause) ? error.cause : error;
  const cure =
    code === 'EADDRINUSE'
      ? `stop what uses that address, or choose another with ${flags} (port 0 takes a free one)`
      : code === 'EACCES'
        ? `choose a port above 1023 with ${flags}`
        : `this machine has no such address; choose another with ${flags}, such as 127.0.0.1:0`;
  return `${error.message}: ${cure}`;
}

function isErrno(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error;
}
