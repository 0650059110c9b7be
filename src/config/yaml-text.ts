/** YAML (and JSON, which is YAML) with the place of every value. */
import { LineCounter, isAlias, isMap, isScalar, isSeq, parseAllDocuments } from 'yaml';
import type { Document, Pair, ParsedNode, YAMLError, YAMLMap } from 'yaml';
import { errorAt } from '../route/problem.ts';
import type { Problem } from '../route/problem.ts';
import type { LocatedProblem, Position } from './problem.ts';
import { otherReadings } from './yaml-1-1.ts';

/** One document of a file. */
export interface YamlDocument {
  /** Plain values: maps, lists, text, numbers, booleans, null. */
  readonly value: unknown;
  /** Where a problem lies: the value, or the name of its field; for what is missing, its nearest parent. */
  locate(problem: Pick<Problem, 'path' | 'at'>): Position;
}

export interface YamlText {
  /** Without empty documents and without those that are broken. */
  readonly documents: readonly YamlDocument[];
  readonly problems: readonly LocatedProblem[];
}

type Node = ParsedNode | null;

/** Reads all documents of a text. Never throws: broken syntax is among the problems. */
export function parseYamlText(file: string, text: string): YamlText {
  const lines = new LineCounter();
  // Merge keys are not YAML 1.2, but kubectl reads them: the same file must mean the same.
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const documents: YamlDocument[] = [];
  const problems: LocatedProblem[] = [];
  // For a text without any document the library answers with an empty list.
  for (const document of Array.isArray(parsed) ? parsed : []) {
    problems.push(...syntaxProblems(file, document, lines));
    // A key written twice still leaves values that can be judged.
    if (document.errors.some((error) => error.code !== 'DUPLICATE_KEY')) continue;
    for (const { offset, message } of otherReadings(document)) {
      problems.push({ severity: 'warning', file, position: toPosition(lines, offset), path: [], message });
    }
    const converted = toValue(document);
    const locate: YamlDocument['locate'] = ({ path, at }) => positionOf(document, path, at, lines);
    if (!converted.ok) {
      const problem = errorAt([], 'the document refers to itself, or too often; write the values out');
      problems.push({ ...problem, file, position: locate(problem) });
    } else if (converted.value !== null) {
      documents.push({ value: converted.value, locate });
    }
  }
  return { documents, problems };
}

function toValue(document: Document.Parsed): { ok: true; value: unknown } | { ok: false } {
  try {
    return { ok: true, value: document.toJS() as unknown };
  } catch {
    // Thrown for aliases that would grow without bound, or that name no anchor: told to the person by the caller.
    return { ok: false };
  }
}

/** One per line: what follows on the same line is mostly the same mistake again. */
function syntaxProblems(
  file: string,
  document: Document.Parsed,
  lines: LineCounter,
): readonly LocatedProblem[] {
  const byLine = new Map<number, LocatedProblem>();
  const add = (severity: LocatedProblem['severity'], error: YAMLError, message: string): void => {
    const position = toPosition(lines, error.pos[0]);
    if (!byLine.has(position.line))
      byLine.set(position.line, { severity, file, position, path: [], message });
  };
  for (const error of document.errors) add('error', error, syntaxMessage(error));
  for (const warning of document.warnings) add('warning', warning, `YAML: ${warning.message}`);
  return [...byLine.values()];
}

function syntaxMessage(error: YAMLError): string {
  switch (error.code) {
    case 'DUPLICATE_KEY':
      return 'this field is written twice in one map; remove one';
    case 'TAB_AS_INDENT':
      return 'YAML is indented with spaces; replace the tab';
    case 'BAD_INDENT':
      return `this is not YAML: ${error.message}; check the indentation, also of the lines above`;
    default:
      return `this is not YAML: ${error.message}`;
  }
}

function positionOf(
  document: Document.Parsed,
  path: Problem['path'],
  at: Problem['at'],
  lines: LineCounter,
): Position {
  let node: Node = document.contents;
  let offset = node?.range[0] ?? document.range[0];
  for (const [index, step] of path.entries()) {
    const isLast = index === path.length - 1;
    const inner = resolve(node, document);
    if (isMap(inner)) {
      const pair = findPair(inner, step);
      if (pair === undefined) break;
      node = pair.value;
      // The name of a field stands for it when its name is meant, when it holds nothing, or when what is meant is
      // missing below it.
      const isNamed = (isLast && at === 'key') || isEmpty(node) || !isLast;
      offset = (isNamed ? pair.key?.range[0] : node?.range[0]) ?? offset;
    } else if (isSeq(inner) && typeof step === 'number') {
      node = (inner.items[step] as Node | undefined) ?? null;
      if (node === null) break;
      offset = node.range[0];
    } else {
      break;
    }
  }
  return toPosition(lines, offset);
}

function resolve(node: Node, document: Document.Parsed): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

function findPair(map: YAMLMap, step: string | number): Pair<ParsedNode, Node> | undefined {
  const found = map.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(step));
  return found as Pair<ParsedNode, Node> | undefined;
}

function isEmpty(node: Node): boolean {
  return node === null || (isScalar(node) && node.value === null && node.range[0] === node.range[1]);
}

function toPosition(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  // An empty text has no line in the counter.
  return { line: Math.max(1, line), column: Math.max(1, col) };
}
