import { formatPath } from '../route/problem.ts';
import type { Problem } from '../route/problem.ts';

/**
 * Of one message, in UTF-16 units. Kubernetes takes 32 kB, but every message is stored with the route and sent to all
 * who watch it; and whoever has more than ten mistakes wants `turnbridge check`.
 */
export const MAX_MESSAGE_LENGTH = 2048;

/** Room for the line that counts what is left out. */
const COUNT_LENGTH = 80;

/** One line: the field's path, then the sentence of `turnbridge check`. */
export function toLine({ path, message }: Problem): string {
  const where = formatPath(path);
  return where === '' ? message : `${where}: ${message}`;
}

/**
 * Sentences as one message, one to a line and each once: `kubectl get` shows the first, `kubectl describe` all. What
 * does not fit is counted.
 *
 * @param last What follows from them, in a few short lines: it stands at the end, whatever does not fit.
 */
export function joinLines(lines: readonly string[], last: readonly string[] = []): string {
  const ending = last.map((line) => `\n${line}`).join('');
  return `${joinWithin(MAX_MESSAGE_LENGTH - ending.length, [...new Set(lines)])}${ending}`;
}

function joinWithin(maxLength: number, lines: readonly string[]): string {
  let text = '';
  for (const [index, line] of lines.entries()) {
    const isLast = index === lines.length - 1;
    const room = maxLength - text.length - 1 - (isLast ? 0 : COUNT_LENGTH);
    if (line.length > room && index > 0) {
      const rest = lines.length - index;
      return `${text}\nand ${rest} more; turnbridge check --cluster lists ${rest === 1 ? 'it' : 'them all'}`;
    }
    text += index === 0 ? cutText(line, room) : `\n${line}`;
  }
  return text;
}

/** A message for where there is one line only, such as an event: the first sentence, and how much more there is. */
export function toOneLine(message: string): string {
  const lines = message.split('\n');
  // a line that ends so announces the next
  const count = lines[0]?.endsWith(':') === true ? 2 : 1;
  const rest = lines.length - count;
  const more = rest <= 0 ? '' : ` (its status has ${rest} more ${rest === 1 ? 'line' : 'lines'})`;
  return `${lines.slice(0, count).join(' ')}${more}`;
}

/** The beginning of a text with an ellipsis, never half a character. */
export function cutText(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  const end = text.slice(0, maxLength - 1);
  return `${/[\uD800-\uDBFF]$/.test(end) ? end.slice(0, -1) : end}…`;
}
