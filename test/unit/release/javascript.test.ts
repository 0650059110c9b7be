import { describe, expect, test } from '@jest/globals';
import { toJavaScript } from '../../../cmd/release/javascript.ts';

describe('what is published of a source', () => {
  test('has no types, and every line and column where it was', () => {
    const source = `interface Turn { readonly id: string }\nexport const first = (turn: Turn): string => turn.id;\n`;
    const code = toJavaScript(source);
    expect(code).not.toMatch(/interface|Turn\b|: string/);
    expect(code.split('\n').map((line) => line.indexOf('first'))).toEqual(
      source.split('\n').map((line) => line.indexOf('first')),
    );
  });

  test.each([
    [`import { a } from './a.ts';`, `import { a } from './a.js';`],
    [`export { a } from "../b/a.ts";`, `export { a } from "../b/a.js";`],
    [`import './a.ts';`, `import './a.js';`],
    [`const a = await import('./spans/a.ts');`, `const a = await import('./spans/a.js');`],
    [`import {\n  a,\n  b,\n} from './a.ts';`, `import {\n  a,\n  b,\n} from './a.js';`],
  ])('imports the file that is published: %s', (source, published) => {
    expect(toJavaScript(source)).toBe(published);
  });

  test.each([`import ws from 'ws';`, `const name = './a.ts';`, `import 'made.ts';`])(
    'leaves everything else as it is: %s',
    (source) => {
      expect(toJavaScript(source)).toBe(source);
    },
  );

  test('is refused when a source has syntax that does something', () => {
    expect(() => toJavaScript('enum State { Open }')).toThrow(/enum/);
  });
});
