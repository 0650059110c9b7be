/** The tables of docs/reliability.md, for tests that keep it true. */
import { readFileSync } from 'node:fs';

const page = readFileSync(new URL('../../docs/reliability.md', import.meta.url), 'utf8');

/** The first table below a heading: its rows, the head first, as text without code marks. Throws when there is none. */
export function tableBelow(heading: string): string[][] {
  const [, below] = page.split(`${heading}\n`);
  const rows = below
    ?.split(/^#/m)[0]
    ?.split('\n\n')
    .map((block) => block.trim())
    .find((block) => block.startsWith('|'))
    ?.split('\n')
    .filter((line) => !/^[|\s:-]+$/.test(line));
  if (rows === undefined) throw new Error(`docs/reliability.md has no table below "${heading}"`);
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}
