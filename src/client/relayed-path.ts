/** The paths below a base that a route lists to be passed on: which are meant, and which are a trick. */

/** Is the path one of those listed? An entry is exact, or ends with `/*` for all below it. Gives the entry. */
export function listedAs(patterns: readonly string[], path: string): string | undefined {
  return patterns.find((pattern) =>
    pattern.endsWith('/*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern,
  );
}

/** A path that a provider might read as another one. */
export function climbs(path: string): boolean {
  const plain = path
    .replaceAll(/%2e/gi, '.')
    .replaceAll(/%(?:2f|5c)/gi, '/')
    .replaceAll('\\', '/');
  return plain.includes('//') || plain.split('/').some((segment) => segment === '.' || segment === '..');
}
