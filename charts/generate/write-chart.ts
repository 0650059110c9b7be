/** `npm run chart`: writes what is generated of the charts. A test fails where somebody forgot. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generatedFiles } from './generated-files.ts';

const root = join(import.meta.dirname, '../..');
for (const [path, text] of await generatedFiles(root)) await writeFile(join(root, path), text);
