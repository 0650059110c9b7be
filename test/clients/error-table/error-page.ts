/** Where the error table stands in docs/errors.md, between two marks. */
import { clientSays } from './client-says.ts';
import { errorTable } from './error-table.ts';
import { clientTable, codexTable, sdkTable, toMarkdown, type Table } from './render-table.ts';
import { sdkRows } from './sdk-rows.ts';

const begin = '<!-- error table: begin (test/clients/error-table) -->';
const end = '<!-- error table: end -->';

/** Every table with the heading that stands over it. */
export const tables: readonly { readonly title: string; readonly table: Table }[] = [
  ...errorTable.map(({ title, rows }) => ({ title, table: codexTable(rows) })),
  { title: 'A client says what it may not', table: clientTable(clientSays) },
  { title: 'The same with the openai SDK', table: sdkTable(sdkRows) },
];

/**
 * The page with all tables between its marks, unaligned.
 * @throws Error when the page has no place for them.
 */
export function withErrorTable(page: string): string {
  const { before, after } = around(page);
  const sections = tables.map(({ title, table }) => `### ${title}\n\n${toMarkdown(table)}\n`);
  return `${before}${begin}\n\n${sections.join('\n')}\n${end}${after}`;
}

/** What stands between the marks now. */
export function errorTableOf(page: string): string {
  return around(page).between;
}

function around(page: string): { before: string; between: string; after: string } {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`docs/errors.md has no place for the error table: ${begin}`);
  return {
    before: page.slice(0, from),
    between: page.slice(from + begin.length, to),
    after: page.slice(to + end.length),
  };
}
