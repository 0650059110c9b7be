/** One promise of values.yaml: what a value changes in what is installed. */
import { isDeepStrictEqual } from 'node:util';
import { find, type KubeObject, type RenderOptions, type Values } from '../../render.ts';

/** Keys from the top, with dots: `spec.template.spec.containers.bridge.args`; as a list where a key has dots itself. */
export type Place = string | readonly string[];

/**
 * Rendered twice, with `with` alone and with the value changed too, this is seen in the second and not in the first.
 * Of `is`, `has`, `gone`, at most one; without any, something is at the place (or the object is there).
 */
export interface ValueRow {
  /** Path of a leaf of values.yaml: `bridge.flags.pingInterval`. */
  readonly value: string;
  /** What a user writes there. */
  readonly to: unknown;
  /** Other values, where it counts only beside them. */
  readonly with?: Values;
  /** What the cluster serves, and the like. */
  readonly options?: RenderOptions;
  /** `Deployment/turnbridge`; in another namespace than the release's `Role/turnbridge@team-a`. */
  readonly object: string;
  /** Where in the object; the object itself unless given. In lists, an index, or the `name` of an entry. */
  readonly at?: Place;
  /** All that is there. */
  readonly is?: unknown;
  /** An entry of the list that is there, or a part of the text. */
  readonly has?: unknown;
  /** Nothing is there any more. */
  readonly gone?: true;
}

/** `{bridge: {flags: {pingInterval: 5}}}` over `values`. */
export function withValue(values: Values, path: string, to: unknown): Values {
  const [head = '', ...rest] = path.split('.');
  if (rest.length === 0) return { ...values, [head]: to };
  return { ...values, [head]: withValue((values[head] ?? {}) as Values, rest.join('.'), to) };
}

/** Whether these objects show what the row promises. */
export function shows(row: ValueRow, objects: readonly KubeObject[]): boolean {
  const found = lookUp(find(objects, row.object), row.at);
  if (row.gone === true) return found === undefined;
  if ('is' in row) return isDeepStrictEqual(found, row.is);
  if ('has' in row) return contains(found, row.has);
  return found !== undefined;
}

/** What is at a place, for the message of a test. */
export function seen(row: ValueRow, objects: readonly KubeObject[]): unknown {
  return lookUp(find(objects, row.object), row.at);
}

function lookUp(object: unknown, at: Place = []): unknown {
  const keys = typeof at === 'string' ? at.split('.') : at;
  let place = object;
  for (const key of keys) {
    if (Array.isArray(place)) {
      const entries: readonly unknown[] = place;
      place = entries.find(
        (entry, index) => String(index) === key || (entry as { name?: unknown }).name === key,
      );
    } else if (typeof place === 'object' && place !== null) place = (place as Values)[key];
    else return undefined;
  }
  return place;
}

function contains(found: unknown, part: unknown): boolean {
  if (typeof found === 'string') return typeof part === 'string' && found.includes(part);
  return Array.isArray(found) && found.some((entry) => isDeepStrictEqual(entry, part));
}
