/** What text may stand in a header. */

/** RFC 9110 5.1, in lower case. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** RFC 9110 5.5, as Node checks what it writes; obsolete bytes above 0x7f pass as latin1, as Node reads them. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** May this be the name of a header? In lower case only. */
export function isHeaderName(name: string): boolean {
  return NAME.test(name);
}

/** May this be the value of a header? Anything else would throw where it is written. */
export function isHeaderValue(value: string): boolean {
  return VALUE.test(value);
}

/** What these name never passes anyway; and nearly every `Connection` is one of them. */
const USUAL_CONNECTIONS = new Set(['', 'upgrade', 'keep-alive', 'close']);
export const NO_NAMES: ReadonlySet<string> = new Set();

/** The names in the value of a `Connection` header: headers that are for one hop only (RFC 9110 7.6.1). */
export function namedByConnection(value: string): ReadonlySet<string> {
  return USUAL_CONNECTIONS.has(value.toLowerCase())
    ? NO_NAMES
    : new Set(value.split(',').map((token) => token.trim().toLowerCase()));
}
