/** Longest text that is read: a date has 29 characters, and `Date.parse` tries hard at anything. */
const MAX_CHARS = 64;
const NUMBER = /^\d{1,15}(?:\.\d{1,15})?$/;
/** RFC 9110 5.6.7, in the form that is sent today: `Sun, 06 Nov 1994 08:49:37 GMT`. */
const DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * How long a provider asks to be left alone: `retry-after-ms` before `retry-after`, which is seconds or a date. Above 0;
 * undefined when it does not ask, or says nothing that can be read.
 *
 * @param headers Names in lower case.
 * @param wallNow Milliseconds since 1970.
 */
export function toRetryAfterMs(
  headers: Readonly<Record<string, string>>,
  wallNow: number,
): number | undefined {
  return (
    aboveZero(numberOf(headers['retry-after-ms'])) ??
    aboveZero(fromRetryAfter(headers['retry-after'], wallNow))
  );
}

function fromRetryAfter(value: string | undefined, wallNow: number): number {
  const seconds = numberOf(value);
  if (!Number.isNaN(seconds)) return seconds * 1_000;
  const text = value?.trim() ?? '';
  return DATE.test(text) ? Date.parse(text) - wallNow : NaN;
}

function numberOf(value: string | undefined): number {
  if (value === undefined || value.length > MAX_CHARS) return NaN;
  const text = value.trim();
  return NUMBER.test(text) ? Number(text) : NaN;
}

function aboveZero(ms: number): number | undefined {
  return ms > 0 ? ms : undefined;
}
