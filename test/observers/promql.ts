/**
 * Just enough of PromQL to ask of an expression what it names and what it compares. No parser: what it cannot tell
 * apart does not stand in our dashboards and rules, and Prometheus itself parses each of them in the same suite.
 */

/** `metric{label="…", other=~"…"}` */
export interface Selector {
  readonly metric: string;
  readonly labels: readonly { readonly name: string; readonly operator: string; readonly value: string }[];
}

/** Every metric and recorded series that an expression names, with its selector; without doubles. */
export function selectorsIn(expression: string): readonly Selector[] {
  const bare = withoutGrouping(expression);
  const found = new Map<string, Selector>();
  for (const match of bare.matchAll(
    /\b((?:turnbridge|process|nodejs|gen_ai|scrape|controller_runtime|workqueue|rest_client|leader_election)[a-z0-9_:]+)\s*(?:\{([^}]*)\})?/g,
  )) {
    const labels = [...(match[2] ?? '').matchAll(/([a-z_]+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g)].map(
      ([, name = '', operator = '', value = '']) => ({ name, operator, value }),
    );
    found.set(match[0], { metric: match[1] ?? '', labels });
  }
  return [...found.values()];
}

/** The labels that an expression groups or joins by. */
export function groupingLabelsIn(expression: string): readonly string[] {
  const lists = [...expression.matchAll(/\b(?:by|on|without|ignoring)\s*\(([^)]*)\)/g)];
  const names = lists.flatMap(([, list = '']) => list.split(',').map((name) => name.trim()));
  return [...new Set(names.filter((name) => name !== ''))];
}

/**
 * The parts of a condition that `and`, `or` and `unless` join, each without its comparison: what is compared, so that
 * one can see that it is there. A part made of `absent()` is left out.
 */
export function comparedIn(condition: string): readonly string[] {
  const inner = withoutParentheses(condition.trim());
  const parts = splitAtTopLevel(inner, /^(?:and|or|unless)\b(?:\s*(?:on|ignoring)\s*\([^)]*\))?/);
  if (parts.length > 1) return parts.flatMap(comparedIn);
  if (inner.startsWith('absent(')) return [];
  return [splitAtTopLevel(inner, /^(?:==|!=|>=|<=|>|<)/)[0]?.trim() ?? ''];
}

function withoutGrouping(expression: string): string {
  return expression.replaceAll(/\b(?:by|on|without|ignoring)\s*\([^)]*\)/g, ' ');
}

/** Without a pair of parentheses around the whole. */
function withoutParentheses(text: string): string {
  if (!text.startsWith('(') || endOfGroup(text, 0) !== text.length - 1) return text;
  return withoutParentheses(text.slice(1, -1).trim());
}

/** Splits where the separator matches, outside of strings, parentheses, braces and brackets. */
function splitAtTopLevel(text: string, separator: RegExp): readonly string[] {
  const parts: string[] = [];
  let start = 0;
  let at = 0;
  while (at < text.length) {
    if (/["({[]/.test(text.charAt(at))) {
      at = endOfGroup(text, at) + 1;
      continue;
    }
    const isWordsStart = at === 0 || !/\w/.test(text.charAt(at - 1));
    const found = isWordsStart ? separator.exec(text.slice(at))?.[0] : undefined;
    if (found === undefined) {
      at++;
      continue;
    }
    parts.push(text.slice(start, at).trim());
    at += found.length;
    start = at;
  }
  return [...parts, text.slice(start).trim()];
}

/** Where the string, parenthesis, brace or bracket that begins at `from` ends. */
function endOfGroup(text: string, from: number): number {
  if (text.charAt(from) === '"') return text.indexOf('"', from + 1);
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === '"') at = text.indexOf('"', at + 1);
    else if (/[({[]/.test(character)) depth++;
    else if (/[)}\]]/.test(character) && --depth === 0) return at;
  }
  throw new Error(`unbalanced: ${text}`);
}
