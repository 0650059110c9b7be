import { expect, test } from '@jest/globals';
import { didYouMean } from '../../../src/route/did-you-mean.ts';

const NAMES = ['name', 'url', 'transport', 'auth', 'modelMapping', 'headers', 'models', 'http'];

test.each([
  ['nmae', 'name'],
  ['URL', 'url'],
  ['ulr', 'url'],
  ['trasnport', 'transport'],
  ['model', 'models'],
  ['header', 'headers'],
  ['modelmappings', 'modelMapping'],
  ['htpp', 'http'],
])('%s was meant to be %s', (written, meant) => {
  expect(didYouMean(written, NAMES)).toBe(meant);
});

test.each(['', 'weight', 'x', 'somethingElseAltogether', '__proto__'])('%j resembles nothing', (written) => {
  expect(didYouMean(written, NAMES)).toBeUndefined();
});
