/** Reads a chart's values.yaml: each value with its default and what the comment above it says. */
import { isMap, isScalar, LineCounter, parseDocument, type Pair, type YAMLMap } from 'yaml';

/** What `@…` marks in a comment say. */
export interface Marks {
  /** JSON schema types in place of the default's own. */
  readonly type: readonly string[] | undefined;
  /** All that is allowed; the empty text among them may leave a value out. */
  readonly enum: readonly string[] | undefined;
  readonly min: number | undefined;
  readonly max: number | undefined;
  readonly pattern: string | undefined;
  /** Type of each entry of a list. */
  readonly items: string | undefined;
  /** A map that has defaults, and is Kubernetes' all the same: any key may be written. */
  readonly isFree: boolean;
}

/** One value. */
export interface ValueNode {
  /** `['bridge', 'flags', 'pingInterval']` */
  readonly path: readonly string[];
  /** The default, as plain data. */
  readonly value: unknown;
  /** The sentence of the comment, without marks; empty where there is none. */
  readonly description: string;
  readonly marks: Marks;
  /** Of a map that is ours: each key. Undefined: a leaf, which users write as a whole. */
  readonly children: readonly ValueNode[] | undefined;
}

const MARK = /@(type|enum|min|max|pattern|items|free)(?: ([^@\s]\S*))?/g;

/**
 * @param text values.yaml. A comment that begins with `# --` speaks of the key right below it.
 * @throws Error for text that is no map
 */
export function readValues(text: string): readonly ValueNode[] {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter });
  if (!isMap(document.contents)) throw new Error('values.yaml is no map: write key: value');
  return childrenOf(document.contents, [], { lines: text.split('\n'), counter });
}

interface Source {
  readonly lines: readonly string[];
  readonly counter: LineCounter;
}

function childrenOf(map: YAMLMap, path: readonly string[], source: Source): ValueNode[] {
  return map.items.map((pair) => nodeOf(pair, path, source));
}

function nodeOf(pair: Pair, above: readonly string[], source: Source): ValueNode {
  if (!isScalar(pair.key)) throw new Error(`a key below ${above.join('.')} is no text: write key: value`);
  const path = [...above, String(pair.key.value)];
  const comment = commentAbove(pair.key.range?.[0] ?? 0, source);
  const { description, marks } = splitMarks(comment);
  const value: unknown = isScalar(pair.value)
    ? pair.value.value
    : (pair.value as { toJSON(): unknown }).toJSON();
  const isOurs = isMap(pair.value) && pair.value.items.length > 0 && !marks.isFree;
  const children = isOurs ? childrenOf(pair.value as YAMLMap, path, source) : undefined;
  return { path, value, description, marks, children };
}

/** The comment whose last line is right above a key that begins its line; of several in a row the last. */
function commentAbove(offset: number, { lines, counter }: Source): string {
  const { line, col } = counter.linePos(offset);
  if ((lines[line - 1] ?? '').slice(0, col - 1).trim() !== '') return '';
  const found: string[] = [];
  for (let at = line - 2; at >= 0; at -= 1) {
    const words = /^\s*# ?(.*)$/.exec(lines[at] ?? '')?.[1];
    if (words === undefined) return '';
    if (words.startsWith('-- ')) return [words.slice(3), ...found].join(' ');
    found.unshift(words);
  }
  return '';
}

function splitMarks(comment: string): { description: string; marks: Marks } {
  const found = new Map<string, string>();
  for (const [, name = '', value = ''] of comment.matchAll(MARK)) found.set(name, value);
  const number = (name: string): number | undefined => {
    const text = found.get(name);
    return text === undefined ? undefined : Number(text);
  };
  const description = comment.replaceAll(MARK, '').replaceAll(/\s+/g, ' ').trim();
  return {
    description: description.replace(/\.$/, ''),
    marks: {
      type: found.get('type')?.split(','),
      enum: found.get('enum')?.split(','),
      min: number('min'),
      max: number('max'),
      pattern: found.get('pattern'),
      items: found.get('items'),
      isFree: found.has('free'),
    },
  };
}
