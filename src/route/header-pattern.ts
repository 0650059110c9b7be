/** Longest header value that is held against a pattern: beyond it nothing matches. */
export const MAX_MATCHED_HEADER_CHARS = 512;
/** Longest pattern. */
export const MAX_PATTERN_CHARS = 256;
/**
 * A header comes from a client and the pattern from one tenant, but the thread is everybody's: JavaScript's engine
 * backtracks. With at most two repetitions, none inside another or around a choice, the work stays below
 * MAX_MATCHED_HEADER_CHARS squared.
 */
const MAX_REPETITIONS = 2;

/** What is wrong with a regular expression for a header; undefined when nothing is. */
export function headerPatternMistake(source: string): string | undefined {
  if (source.length > MAX_PATTERN_CHARS)
    return `the pattern is longer than ${MAX_PATTERN_CHARS} characters; write less`;
  try {
    void compileHeaderPattern(source);
  } catch {
    return 'the pattern is no regular expression of JavaScript; escape special characters with a backslash';
  }
  // What cannot matter to the count: escaped characters and character classes.
  const plain = source.replace(/\\./g, 'x').replace(/\[[^\]]*\]/g, 'x');
  if (/\\[1-9k]/.test(source) || /\(\?<?[=!]/.test(plain)) {
    return 'the pattern uses back references or lookaround, which can take very long; write it without';
  }
  const repetition = /[*+?]|\{\d+,?\d*\}/g;
  const groups = plain.replace(/\(\?(?::|<\w+>)/g, '(');
  if ([...groups.matchAll(repetition)].length > MAX_REPETITIONS) {
    return `the pattern has more than ${MAX_REPETITIONS} repetitions (*, +, ?, {n}), which can take very long; write several matches or fewer repetitions`;
  }
  if (/\)(?:[*+?]|\{)/.test(groups)) {
    return 'the pattern repeats a group, which can take very long; repeat single characters or classes, such as [a-z]+';
  }
  return undefined;
}

/** The pattern as it is used: against the whole value. */
export function compileHeaderPattern(source: string): RegExp {
  return new RegExp(`^(?:${source})$`);
}
