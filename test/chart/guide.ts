/** What a page of the docs tells its reader to type. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mustRun } from '../harness/run-command.ts';

const root = join(import.meta.dirname, '../..');

/** The shell blocks of a page, by the heading that they stand under, in order. */
export type Guide = ReadonlyMap<string, readonly string[]>;

/** @param page below the project's root: `docs/install.md`. Blocks of other languages are what the shell answers. */
export async function readGuide(page: string): Promise<Guide> {
  const text = await readFile(join(root, page), 'utf8');
  const sections = text.split(/^## /m).slice(1);
  return new Map(
    sections.map((section) => {
      const [heading = ''] = section.split('\n');
      return [heading, [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block ?? '')];
    }),
  );
}

export interface Reader {
  readonly guide: Guide;
  /** What `helm` and `kubectl` mean: the reader's PATH and KUBECONFIG. */
  readonly env: NodeJS.ProcessEnv;
}

/** The longest command waits for pods. */
const commandTimeoutMs = 6 * 60_000;

/**
 * Types the blocks of a section that a word is in, from the project's root, as they stand.
 * @returns what they printed. @throws Error with that when one fails, or when the page has no such block.
 */
export async function follow({ guide, env }: Reader, heading: string, word = ''): Promise<string> {
  const blocks = guide.get(heading)?.filter((block) => block.includes(word)) ?? [];
  if (blocks.length === 0) throw new Error(`the page has no block with ${word} under “${heading}”`);
  let output = '';
  for (const block of blocks) {
    const words = ['-euo', 'pipefail', '-c', block];
    output += await mustRun('bash', words, { cwd: root, env, timeoutMs: commandTimeoutMs });
  }
  return output;
}
