import { errorAt } from './problem.ts';
import type { Path, Problem } from './problem.ts';

/** An error at each entry of a set that stands there already; none for a set that is broken. */
export function duplicateValues(values: readonly string[] | undefined, path: Path): readonly Problem[] {
  return repeated(values ?? []).map((index) =>
    errorAt([...path, index], `${JSON.stringify(values?.[index])} is written twice; remove one`),
  );
}

/** An error at each entry of a list whose key field has the value of an earlier entry; a broken list has none. */
export function duplicateKeys<Key extends string>(
  entries: readonly { readonly [K in Key]: string | undefined }[] | undefined,
  key: Key,
  path: Path,
): readonly Problem[] {
  const values = (entries ?? []).map((entry) => entry[key]);
  return repeated(values).map((index) =>
    errorAt(
      [...path, index, key],
      `${JSON.stringify(values[index])} is the ${key} of an earlier entry; write another, or remove one`,
    ),
  );
}

function repeated(values: readonly (string | undefined)[]): readonly number[] {
  const seen = new Set<string>();
  const indexes: number[] = [];
  values.forEach((value, index) => {
    if (value === undefined) return;
    if (seen.has(value)) indexes.push(index);
    seen.add(value);
  });
  return indexes;
}
