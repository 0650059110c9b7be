/** From what is written to what is published: the same files without their types. Pure. */
import { stripTypeScriptTypes } from 'node:module';

/** Of ours, in `import … from`, `export … from`, `import '…'` and `import('…')`; packages never end in `.ts`. */
const ownSpecifier = /(\bfrom\s*|\bimport\s*\(?\s*)(['"])(\.{1,2}\/[^'"\n]+)\.ts\2/g;

/**
 * JavaScript of a TypeScript source. Types become blanks, so every line and column stays where it was and a stack of
 * the published package points into the sources. Imports of our own files name the `.js` beside them.
 * @throws SyntaxError when the source has syntax that is more than types, such as an enum.
 */
export function toJavaScript(source: string): string {
  return stripTypeScriptTypes(source).replaceAll(ownSpecifier, '$1$2$3.js$2');
}
