/** Names of models and patterns of them: an exact name, one `*` at the start or the end, or `*` alone. */
export type ModelPattern =
  | { readonly kind: 'exact' | 'prefix' | 'suffix'; readonly text: string }
  | { readonly kind: 'any'; readonly text: '' };

/** What is wrong with the shape of a pattern; undefined when nothing is. */
export function modelPatternMistake(pattern: string): string | undefined {
  const stars = pattern.split('*').length - 1;
  if (stars === 0 || (stars === 1 && (pattern.startsWith('*') || pattern.endsWith('*')))) return undefined;
  return `${JSON.stringify(pattern)} is no pattern: one * may stand at the start or at the end; write gpt-*, *-mini or *`;
}

/** Reads a pattern whose shape is right. */
export function toModelPattern(pattern: string): ModelPattern {
  if (pattern === '*') return { kind: 'any', text: '' };
  if (pattern.endsWith('*')) return { kind: 'prefix', text: pattern.slice(0, -1) };
  if (pattern.startsWith('*')) return { kind: 'suffix', text: pattern.slice(1) };
  return { kind: 'exact', text: pattern };
}

/** The text that `*` stands for when the model fits the pattern; undefined when it does not. */
export function matchModel(pattern: ModelPattern, model: string): string | undefined {
  const { kind, text } = pattern;
  if (kind === 'any') return model;
  if (kind === 'exact') return model === text ? '' : undefined;
  if (kind === 'prefix') return model.startsWith(text) ? model.slice(text.length) : undefined;
  return model.endsWith(text) ? model.slice(0, model.length - text.length) : undefined;
}

/** Higher is closer: exact, then the longest prefix or suffix, then any. */
export function closeness(pattern: ModelPattern): number {
  return pattern.kind === 'exact' ? Number.POSITIVE_INFINITY : pattern.text.length;
}

/** Whether some model could fit both. */
export function canOverlap(a: ModelPattern, b: ModelPattern): boolean {
  if (a.kind === 'exact') return matchModel(b, a.text) !== undefined;
  if (b.kind === 'exact') return matchModel(a, b.text) !== undefined;
  if (a.kind === 'prefix' && b.kind === 'prefix')
    return a.text.startsWith(b.text) || b.text.startsWith(a.text);
  if (a.kind === 'suffix' && b.kind === 'suffix') return a.text.endsWith(b.text) || b.text.endsWith(a.text);
  return true;
}

/** Whether every model that fits `inner` fits `outer` too. */
export function covers(outer: ModelPattern, inner: ModelPattern): boolean {
  if (outer.kind === 'any') return true;
  if (inner.kind === 'any' || outer.kind === 'exact')
    return outer.kind === inner.kind && outer.text === inner.text;
  if (inner.kind !== 'exact' && inner.kind !== outer.kind) return false;
  return matchModel(outer, inner.text) !== undefined;
}
