import { describe, expect, test } from '@jest/globals';
import {
  MAX_MATCHED_HEADER_CHARS,
  MAX_PATTERN_CHARS,
  compileHeaderPattern,
  headerPatternMistake,
} from '../../../src/route/header-pattern.ts';

describe('a pattern for a header', () => {
  test.each([
    ['red', 'red', 'redder'],
    ['red|blue', 'blue', 'bluered'],
    ['team-[0-9]+', 'team-12', 'my team-12'],
    ['(?:a|b)-x', 'b-x', 'c-x'],
    ['(?<stage>test)', 'test', 'tests'],
    [String.raw`v\d{1,3}\.x`, 'v12.x', 'v12ax'],
    [String.raw`\(\*\+\?\)[*+?]`, '(*+?)*', '(*+?)a'],
    ['.*-codex', 'gpt-codex', 'codex'],
  ])('%s is accepted and matches the whole value', (source, fits, fitsNot) => {
    expect(headerPatternMistake(source)).toBeUndefined();
    expect(compileHeaderPattern(source).test(fits)).toBe(true);
    expect(compileHeaderPattern(source).test(fitsNot)).toBe(false);
  });

  test.each([
    ['[', /no regular expression/],
    ['a'.repeat(MAX_PATTERN_CHARS + 1), /longer than 256/],
    ['(a+)+', /repeats a group/],
    ['(a|a)*', /repeats a group/],
    ['(?:ab){2,}', /repeats a group/],
    ['a?a?a?aaa', /more than 2 repetitions/],
    ['.*a.*b.*', /more than 2 repetitions/],
    [String.raw`(.)\1`, /back references or lookaround/],
    ['(?=a)a', /back references or lookaround/],
    ['(?<!a)b', /back references or lookaround/],
  ])('%s is refused', (source, mistake) => {
    expect(headerPatternMistake(source)).toMatch(mistake);
  });

  test('works in bounded time at its limits', () => {
    const value = 'a'.repeat(MAX_MATCHED_HEADER_CHARS);
    for (const source of ['.*.*b', '[a-z]+[a-z]+!', 'a*a*b', '.{1,500}.{1,500}b']) {
      expect(headerPatternMistake(source)).toBeUndefined();
      const startedAt = performance.now();
      expect(compileHeaderPattern(source).test(value)).toBe(false);
      // The square of 512 steps takes a millisecond or two; without the limits it would be hours.
      expect(performance.now() - startedAt).toBeLessThan(1000);
    }
  });
});
