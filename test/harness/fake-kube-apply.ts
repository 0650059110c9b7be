/** Merging, as far as tests of ours need it: merge patches, and server-side apply with its owners of fields. */
import { ApiRefusal } from './fake-kube-paths.ts';

type Tree = Record<string, unknown>;

/** What each writer applied last: `manager` or `manager/status`. Kept beside the object, as managedFields are. */
export type Applied = ReadonlyMap<string, Tree>;

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** RFC 7386: null removes. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isTree(patch)) return patch;
  const merged: Tree = isTree(target) ? { ...target } : {};
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) delete merged[field];
    else merged[field] = mergePatch(merged[field], value);
  }
  return merged;
}

/**
 * Server-side apply: fields that this writer sent are set, those that it sent last time and no longer sends are
 * removed unless another writer applied them too. Without `force`, a field that another one applied with another
 * value is a conflict (409). Lists of objects that all have a `type` (conditions) merge by it; other lists are atomic.
 */
export function serverSideApply(
  object: Tree,
  sent: Tree,
  applied: Applied,
  writer: string,
  force: boolean,
): Tree {
  const others = [...applied].filter(([name]) => name !== writer).map(([, tree]) => tree);
  if (!force) {
    for (const [name, theirs] of applied) {
      if (name === writer) continue;
      const field = conflict(sent, theirs, '');
      if (field === undefined) continue;
      throw new ApiRefusal(
        409,
        'Conflict',
        `Apply failed with 1 conflict: conflict with "${name}": ${field}`,
      );
    }
  }
  const pruned = prune(object, applied.get(writer) ?? {}, sent, others);
  return merge(pruned, sent) as Tree;
}

function conflict(mine: unknown, theirs: unknown, path: string): string | undefined {
  if (theirs === undefined) return undefined;
  const [one, other] = [asTree(mine), asTree(theirs)];
  if (one === undefined || other === undefined) {
    return JSON.stringify(mine) === JSON.stringify(theirs) ? undefined : path;
  }
  for (const field of Object.keys(one)) {
    if (path === '' && ['apiVersion', 'kind'].includes(field)) continue;
    const found = conflict(one[field], other[field], `${path}.${field}`);
    if (found !== undefined && !/^\.metadata\.(name|namespace)$/.test(found)) return found;
  }
  return undefined;
}

/** Without what was applied before, is not sent any more and belongs to nobody else. */
function prune(object: Tree, before: Tree, sent: Tree, others: readonly Tree[]): Tree {
  const left: Tree = { ...object };
  for (const [field, old] of Object.entries(before)) {
    const theirs = others.map((tree) => tree[field]).filter((value) => value !== undefined);
    const [was, is, now] = [asTree(old), asTree(left[field]), asTree(sent[field])];
    if (sent[field] === undefined && theirs.length === 0) {
      if (was !== undefined && is !== undefined && !Array.isArray(left[field])) {
        left[field] = prune(is, was, {}, []);
        if (Object.keys(left[field] as Tree).length === 0) delete left[field];
      } else delete left[field];
    } else if (was !== undefined && is !== undefined) {
      const rest = prune(
        is,
        was,
        now ?? {},
        theirs.map(asTree).filter((tree) => tree !== undefined),
      );
      left[field] = Array.isArray(left[field]) ? Object.values(rest) : rest;
    }
  }
  return left;
}

function merge(target: unknown, sent: unknown): unknown {
  const [one, other] = [asTree(target), asTree(sent)];
  if (one === undefined || other === undefined) return sent;
  const merged: Tree = { ...one };
  for (const [field, value] of Object.entries(other)) merged[field] = merge(merged[field], value);
  return Array.isArray(sent) ? Object.values(merged) : merged;
}

/** Objects, and lists that are maps by `type`; undefined for all that is replaced as a whole. */
function asTree(value: unknown): Tree | undefined {
  if (isTree(value)) return value;
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const entries: [string, unknown][] = [];
  for (const entry of value as unknown[]) {
    const type: unknown = isTree(entry) ? entry['type'] : undefined;
    if (typeof type !== 'string') return undefined;
    entries.push([type, entry]);
  }
  return Object.fromEntries(entries);
}
