/** Writes the error table into docs/errors.md: `node test/clients/error-table/write-error-table.ts`. */
import { readFile, writeFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';
import { fileURLToPath } from 'node:url';
import { withErrorTable } from './error-page.ts';

const path = fileURLToPath(new URL('../../../docs/errors.md', import.meta.url));
const page = withErrorTable(await readFile(path, 'utf8'));
await writeFile(path, await format(page, { ...(await resolveConfig(path)), filepath: path }));
