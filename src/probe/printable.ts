/** What other people's text may do to a terminal: nothing. */

// C0 without tab and line feed, DEL, C1: cursor movement, titles, clipboard writes all begin with one of these.
// oxlint-disable-next-line no-control-regex -- control characters are the point
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** @returns the text without control characters; line feeds and tabs stay */
export function toPrintable(text: string): string {
  return text.replaceAll(CONTROLS, '');
}

/** @returns the beginning of a text on one line, for messages about it */
export function toExcerpt(text: string, maxChars = 200): string {
  const line = toPrintable(text).replaceAll(/\s+/g, ' ').trim();
  return line.length <= maxChars ? line : `${line.slice(0, maxChars)}…`;
}

/** @returns `820 B`, `4.1 kB`, `3.0 MB` */
export function toBytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** @returns `0.4 ms`, `12 ms`, `3.2 s` */
export function toDurationText(ms: number): string {
  if (ms < 1) return `${ms.toFixed(1)} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
