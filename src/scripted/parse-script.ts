/** Reads a script file: YAML or JSON, every mistake at once with its line. */
import { LineCounter, isNode, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import { checkScript } from './check-script.ts';
import { toStep } from './check-step.ts';
import type { Mistake } from './field.ts';
import { isObject } from './request-view.ts';
import type { Script } from './script.ts';

/** A script is written by hand; more is a mistake, or somebody else's file. */
export const maxScriptBytes = 4 * 1_048_576;

/** Everything that is wrong with a script file; the message has one line for each mistake: `FILE:LINE:COLUMN PATH: what`. */
export class ScriptMistakes extends Error {
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super(lines.join('\n'));
    this.name = 'ScriptMistakes';
    this.lines = lines;
  }
}

/** The script in a text. `fileName` is for messages only. Throws {@link ScriptMistakes} with all of them. */
export function parseScript(text: string, fileName: string): Script {
  if (Buffer.byteLength(text) > maxScriptBytes) {
    throw new ScriptMistakes([
      `${fileName}: larger than ${String(maxScriptBytes)} bytes: shorten it, a text step can repeat`,
    ]);
  }
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  if (document.errors.length > 0) {
    throw new ScriptMistakes(
      document.errors.map((error) => `${placeAt(fileName, lineCounter, error.pos[0])}: ${error.message}`),
    );
  }
  const value: unknown = document.toJS();
  const mistakes: Mistake[] = [];
  checkScript({ value, path: [], mistakes });
  if (mistakes.length > 0) {
    throw new ScriptMistakes(
      mistakes.map((mistake) => {
        const place = placeAt(fileName, lineCounter, offsetOf(document, mistake.path));
        const path = pathText(mistake.path);
        return `${place}${path === '' ? '' : ` ${path}`}: ${mistake.message}`;
      }),
    );
  }
  return toScript(value as Script, fileName);
}

/** The checked content as a script: named, and with its bare words as steps. */
function toScript(content: Partial<Script> & Pick<Script, 'rules'>, fileName: string): Script {
  return {
    ...content,
    name: content.name ?? fileName,
    rules: content.rules.map((rule) => ({ ...rule, answer: withSteps(rule.answer) })),
  };
}

function withSteps(answer: Script['rules'][number]['answer']): Script['rules'][number]['answer'] {
  const widened: unknown = answer;
  if (Array.isArray(widened)) return widened.map(toStep) as typeof answer;
  if (!isObject(widened) || !Array.isArray(widened['steps'])) return answer;
  return { ...widened, steps: widened['steps'].map(toStep) } as typeof answer;
}

/** Where the node at a path begins; of a path that ends in nothing, its nearest ancestor. */
function offsetOf(document: Document, path: readonly (string | number)[]): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const node: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}

function placeAt(fileName: string, lineCounter: LineCounter, offset: number): string {
  const { line, col } = lineCounter.linePos(offset);
  return `${fileName}:${String(line)}:${String(col)}`;
}

function pathText(path: readonly (string | number)[]): string {
  return path
    .map((part, at) => (typeof part === 'number' ? `[${String(part)}]` : `${at === 0 ? '' : '.'}${part}`))
    .join('');
}
