/**
 * What kubectl reads otherwise than we do. It reads YAML 1.1, and files are read as YAML 1.2: a file must not pass the
 * check and then mean something else in a cluster. The list was measured with kubectl 1.36 (docs/decisions/0014).
 */
import { visit } from 'yaml';
import type { Document, Scalar } from 'yaml';

/** A word or number without quotes, and what to say of it. Never shows the text itself: it may stand in a Secret. */
export interface OtherReading {
  /** Of its first character, from 0. */
  readonly offset: number;
  readonly message: string;
}

const TRUTHS: ReadonlyMap<string, boolean> = new Map(
  [
    { words: ['y', 'yes', 'on'], truth: true },
    { words: ['n', 'no', 'off'], truth: false },
  ].flatMap(({ words, truth }) =>
    words.flatMap((word) => casesOf(word).map((written) => [written, truth] as const)),
  ),
);

/** All scalars of a document, values and names of fields, that mean something else to kubectl. */
export function otherReadings(document: Document.Parsed): readonly OtherReading[] {
  const found: OtherReading[] = [];
  visit(document, {
    Scalar(_, node) {
      const message = node.type === 'PLAIN' ? messageOf(node) : undefined;
      if (message !== undefined) found.push({ offset: node.range?.[0] ?? 0, message });
    },
  });
  return found;
}

function messageOf({ source = '', value }: Scalar): string | undefined {
  const truth = TRUTHS.get(source);
  if (truth !== undefined) return `kubectl reads this word as ${String(truth)} (YAML 1.1); put it in quotes`;
  const number = numberOf(source);
  if (number === undefined || number === value) return undefined;
  return typeof value === 'number'
    ? 'kubectl reads this as another number (YAML 1.1), because of the 0 it begins with; remove that, or put it in quotes if it is text'
    : 'kubectl reads this as a number (YAML 1.1); put it in quotes';
}

/** As kubectl takes it: digits may be grouped by underscores, 0 at the start means octal, 0b binary. */
function numberOf(source: string): number | undefined {
  if (!/^[-+]?[0-9]/.test(source)) return undefined;
  const [, sign = '', digits = ''] = /^([-+]?)(.*)$/.exec(source.replaceAll('_', '')) ?? [];
  const magnitude = magnitudeOf(digits);
  return sign === '-' && magnitude !== undefined ? -magnitude : magnitude;
}

function magnitudeOf(digits: string): number | undefined {
  if (/^0[0-7]+$/.test(digits)) return Number.parseInt(digits, 8);
  if (/^0(b[01]+|o[0-7]+|x[0-9a-f]+)$/i.test(digits)) return Number(digits);
  return /^[0-9]+(\.[0-9]*)?(e[-+]?[0-9]+)?$/i.test(digits) ? Number(digits) : undefined;
}

/** `on`, `On`, `ON`; no others count. */
function casesOf(word: string): readonly string[] {
  return [word, word.charAt(0).toUpperCase() + word.slice(1), word.toUpperCase()];
}
