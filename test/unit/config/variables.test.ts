import { expect, test } from '@jest/globals';
import { expandVariables, meantVariable } from '../../../src/config/variables.ts';

test.each([
  ['plain', 'plain'],
  ['${A}', 'one'],
  ['x-${A}-${B}-y', 'x-one-$&-y'],
  ['$A $$ {A}', '$A $$ {A}'],
  ['$${A}', '${A}'],
])('%s becomes %s', (text, expected) => {
  expect(expandVariables(text, { A: 'one', B: '$&' })).toEqual({ text: expected, mistakes: [] });
});

test.each([
  ['${MISSING}', 'environment variable MISSING is not set; set it before the start, or write another'],
  ['${EMPTY}', 'environment variable EMPTY is empty; set it before the start, or write another'],
  ['${toString}', 'environment variable toString is not set; set it before the start, or write another'],
  ['${A:-b}', 'this is no environment variable; write ${NAME}, or $${ for the text ${ itself'],
])('%s stays as it is written and is told', (text, mistake) => {
  expect(expandVariables(text, { EMPTY: '', A: 'a' })).toEqual({ text, mistakes: [mistake] });
});

test('what a variable holds is not expanded again', () => {
  expect(expandVariables('${A}', { A: '${B}', B: 'b' }).text).toBe('${B}');
});

test.each([
  ['$OPENAI_API_KEY', '${OPENAI_API_KEY}'],
  [' $(KEY)\n', '${KEY}'],
])('a text %j that another program would expand is noticed', (text, meant) => {
  expect(meantVariable(text)).toContain(`write ${meant}`);
});

test.each(['${KEY}', 'sk-$a', '$', '$1', 'a $KEY', '$KEY-b'])('a text %j is none of them', (text) => {
  expect(meantVariable(text)).toBeUndefined();
});
