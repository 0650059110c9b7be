import type { Doubt } from '../reconcile/decide.ts';
import type { ObservedRoute } from '../reconcile/observed-route.ts';
import type { ServedRoute } from '../route/snapshot.ts';
import type { Readability } from './readability.ts';

/** What is decided on. */
export interface ChosenRoutes {
  readonly routes: readonly ObservedRoute[];
  /** By key, of routes whose references are not known. */
  readonly doubts: ReadonlyMap<string, Doubt>;
  /** By key, what is served of routes instead of what they are without their references. */
  readonly held: ReadonlyMap<string, ServedRoute>;
  /** Routes of which nothing is said yet: it will be known in a moment what they refer to. */
  readonly untold: ReadonlySet<string>;
}

/** What was before. */
export interface Before {
  /** As the last decision took them, by key; undefined: there was none. */
  readonly routes: ReadonlyMap<string, ObservedRoute> | undefined;
  /** What was served of each, by key: by the last decision, or before this process began. */
  readonly served: ReadonlyMap<string, ServedRoute>;
}

/**
 * Chooses the form in which each route is decided on: nothing that was in effect goes away because it cannot be read.
 * A route whose references are not known keeps the form in which it was decided on last, if that one's are; else what
 * was served of it; and one that was never served waits, or goes without when nobody waits any longer.
 *
 * @param hasMistakes Whether a route is refused anyway, by what it says itself.
 * @returns undefined: wait. At first all wait for all, so that what is there is written once.
 */
export function chooseRoutes(
  current: readonly ObservedRoute[],
  before: Before,
  readabilityOf: (route: ObservedRoute) => Readability,
  hasMistakes: (route: ObservedRoute) => boolean,
): ChosenRoutes | undefined {
  const routes: ObservedRoute[] = [];
  const doubts = new Map<string, Doubt>();
  const held = new Map<string, ServedRoute>();
  const untold = new Set<string>();
  for (const route of current) {
    const { key } = route;
    const readability = readabilityOf(route);
    if (readability.kind === 'known' || readability.kind === 'stale') {
      if (readability.kind === 'stale')
        doubts.set(key, { sentence: readability.sentence, effect: 'LastRead' });
      routes.push(route);
      continue;
    }
    const isAwaited = readability.kind === 'awaited';
    if (isAwaited && before.routes === undefined) return undefined;
    const { earlier, served } = earlierOf(route, before);
    const isEarlierKnown = earlier !== undefined && isKnown(readabilityOf(earlier));
    if (isAwaited) {
      if (isEarlierKnown) routes.push(earlier);
      else if (served !== undefined) {
        routes.push(route);
        held.set(key, served);
        untold.add(key);
      }
      continue;
    }
    const { sentence } = readability;
    if (hasMistakes(route) || (!isEarlierKnown && served === undefined)) {
      doubts.set(key, { sentence, effect: 'GoesWithout' });
      routes.push(route);
      continue;
    }
    doubts.set(key, { sentence, effect: 'ServedAsItWas' });
    if (isEarlierKnown) {
      // what is served is the earlier one, with what it refers to as that is now; what is said is said of this one
      routes.push({ ...route, resource: earlier.resource, references: earlier.references });
    } else if (served !== undefined) {
      routes.push(route);
      held.set(key, served);
    }
  }
  return { routes, doubts, held, untold };
}

/** Another route of the same name has nothing in common with it. */
function earlierOf(
  { key, uid }: ObservedRoute,
  before: Before,
): { readonly earlier: ObservedRoute | undefined; readonly served: ServedRoute | undefined } {
  const earlier = before.routes?.get(key);
  const isAnother = earlier !== undefined && earlier.uid !== uid;
  return isAnother ? { earlier: undefined, served: undefined } : { earlier, served: before.served.get(key) };
}

function isKnown({ kind }: Readability): boolean {
  return kind === 'known' || kind === 'stale';
}
