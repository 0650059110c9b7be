import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { decideRoutes } from '../../../src/reconcile/decide.ts';
import type { Decisions } from '../../../src/reconcile/decide.ts';
import { compareAge } from '../../../src/reconcile/observed-route.ts';
import type { ObservedRoute } from '../../../src/reconcile/observed-route.ts';
import { MAX_MESSAGE_LENGTH } from '../../../src/reconcile/problem-lines.ts';
import { CompileMemo } from '../../../src/route/compile.ts';
import type { ReferenceLookup } from '../../../src/route/references.ts';
import { Secret } from '../../../src/route/secret.ts';
import { runs } from '../../harness/property-runs.ts';
import { ANYBODY, KEYED, observe, OPEN, servedIds } from './cluster.ts';
import type { RouteText } from './cluster.ts';

const HOSTS = ['a.example', 'b.example', '*.example'];
const NAMESPACES = ['ai', 'web'];
const SECRETS = ['one', 'two'];

const keyed = fc.constantFrom(...SECRETS).map((name) => ({
  ...KEYED,
  name: `with-${name}`,
  auth: { type: 'APIKey', secretRef: { name } },
}));
const spec = fc.record({
  hostnames: fc.subarray(HOSTS),
  clients: fc.constantFrom(
    ANYBODY,
    ...SECRETS.map((name) => ({ auth: { type: 'APIKey', secretRef: { name } } })),
  ),
  providers: fc.uniqueArray(fc.oneof(fc.constant(OPEN), keyed), {
    minLength: 1,
    selector: ({ name }) => name,
  }),
  // 0 is a mistake
  limits: fc.record({ maxLanes: fc.constantFrom(32, 32, 32, 16, 0) }),
});
const route: fc.Arbitrary<RouteText> = fc.record({
  key: fc
    .tuple(fc.constantFrom(...NAMESPACES), fc.constantFrom('r0', 'r1', 'r2', 'r3'))
    .map((words) => words.join('/')),
  age: fc.nat(3),
  deleted: fc.constantFrom(false, false, false, true),
  spec,
});
const routes = fc.uniqueArray(route, { selector: ({ key }) => key, maxLength: 8 });
/** Which Secrets there are: `namespace/name`. */
const secrets = fc.subarray(NAMESPACES.flatMap((namespace) => SECRETS.map((name) => `${namespace}/${name}`)));

/** Gives the same object for a Secret each time, as a store does. */
function lookupOf(there: readonly string[]): ReferenceLookup {
  const found = new Map(there.map((id) => [id, new Map([['apiKey', new Secret(`key-of-${id}`)]])]));
  return { secret: (namespace, name) => found.get(`${namespace}/${name}`), configMap: () => undefined };
}

function decide(texts: readonly RouteText[], there: readonly string[]): Decisions {
  return decideRoutes(texts.map(observe), lookupOf(there), { loopbackAllowed: false });
}

/** By key, whatever the order in which they were decided. */
function byKey({ verdicts }: Decisions): object {
  return Object.fromEntries(verdicts);
}

test('the order in which routes are known decides nothing', () => {
  fc.assert(
    fc.property(routes, secrets, fc.infiniteStream(fc.nat()), (texts, there, weights) => {
      const shuffled = texts
        .map((text) => ({ text, weight: weights.next().value as number }))
        .toSorted((a, b) => a.weight - b.weight)
        .map(({ text }) => text);
      const decisions = decide(texts, there);
      const again = decide(shuffled, there);
      expect(byKey(again)).toEqual(byKey(decisions));
      expect(again.served).toEqual(decisions.served);
    }),
    runs(80),
  );
});

test('a route is served if, and only if, it is accepted; the oldest first; each message keeps its bound', () => {
  fc.assert(
    fc.property(routes, secrets, (texts, there) => {
      const decisions = decide(texts, there);
      const observed = texts
        .filter(({ deleted }) => deleted !== true)
        .map(observe)
        .sort(compareAge);
      expect([...decisions.verdicts.keys()].toSorted()).toEqual(texts.map(({ key }) => key).toSorted());
      const accepted = observed.filter(({ key }) => decisions.verdicts.get(key)?.accepted.status === 'True');
      expect(servedIds(decisions)).toEqual(accepted.map(({ key }) => key));
      for (const { accepted, resolvedRefs, providers } of decisions.verdicts.values()) {
        expect(accepted.message.length).toBeLessThanOrEqual(MAX_MESSAGE_LENGTH);
        expect(resolvedRefs.message.length).toBeLessThanOrEqual(MAX_MESSAGE_LENGTH);
        expect(providers.usable).toBeLessThanOrEqual(providers.total);
      }
    }),
    runs(80),
  );
});

test('a Secret decides what a route can do, never whether it is there or whose a host is', () => {
  fc.assert(
    fc.property(routes, secrets, secrets, (texts, before, after) => {
      const a = decide(texts, before);
      const b = decide(texts, after);
      expect(servedIds(b)).toEqual(servedIds(a));
      for (const [key, verdict] of a.verdicts) {
        expect(b.verdicts.get(key)?.accepted).toEqual(verdict.accepted);
      }
      for (const { compiled } of b.served) {
        const [namespace] = compiled.id.split('/');
        const named = compiled.providers.filter(({ auth }) => auth.type === 'APIKey');
        expect(after).toEqual(
          expect.arrayContaining(named.map(({ name }) => `${namespace}/${name.replace('with-', '')}`)),
        );
        const { auth } = compiled.clients;
        const text = texts.find(({ key }) => key === compiled.id)?.spec as {
          clients: { auth: { type: string } };
        };
        expect(auth.type).toBe(text.clients.auth.type);
      }
    }),
    runs(80),
  );
});

test('one broken route changes nothing for routes that have no host to do with it, and gives no host away', () => {
  fc.assert(
    fc.property(routes, secrets, fc.nat(), (texts, there, choice) => {
      const victim = texts[choice % Math.max(1, texts.length)];
      if (victim === undefined) return;
      const broken = { ...victim, spec: { ...(victim.spec as object), timeouts: { connectSeconds: -1 } } };
      const before = decide(texts, there).verdicts;
      const after = decide(texts.with(texts.indexOf(victim), broken), there).verdicts;
      const touched = relatives(victim, texts);
      for (const [key, verdict] of before) {
        if (key === victim.key) continue;
        const now = after.get(key);
        expect(now?.resolvedRefs.reason).toBe(verdict.resolvedRefs.reason);
        expect(now?.accepted.reason === 'HostnameNotAllowed').toBe(
          verdict.accepted.reason === 'HostnameNotAllowed',
        );
        expect(touched.has(key) ? verdict : now).toEqual(verdict);
      }
    }),
    runs(80),
  );
});

/** All routes that a chain of shared hosts ties to one. */
function relatives(victim: RouteText, texts: readonly RouteText[]): ReadonlySet<string> {
  const hostsOf = ({ spec }: RouteText): readonly string[] => {
    const { hostnames } = spec as { hostnames: readonly string[] };
    return hostnames.length === 0 ? ['*'] : hostnames;
  };
  const found = new Set([victim]);
  for (const one of found) {
    for (const other of texts)
      if (hostsOf(other).some((host) => hostsOf(one).includes(host))) found.add(other);
  }
  return new Set([...found].map(({ key }) => key));
}

type Change = { readonly put: RouteText } | { readonly drop: string } | { readonly toggle: string };

const change: fc.Arbitrary<Change> = fc.oneof(
  route.map((put) => ({ put })),
  route.map(({ key }) => ({ drop: key })),
  fc
    .constantFrom(...NAMESPACES.flatMap((namespace) => SECRETS.map((name) => `${namespace}/${name}`)))
    .map((toggle) => ({ toggle })),
);

test('whatever came and went, and whatever is remembered, the same routes and Secrets come to the same', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
      const memo = new CompileMemo();
      const texts = new Map<string, RouteText>();
      const observed = new Map<string, ObservedRoute>();
      const found = new Map<string, ReadonlyMap<string, Secret>>();
      const lookup: ReferenceLookup = {
        secret: (namespace, name) => found.get(`${namespace}/${name}`),
        configMap: () => undefined,
      };
      let last: Decisions | undefined;
      for (const [index, step] of changes.entries()) {
        if ('put' in step) {
          texts.set(step.put.key, step.put);
          observed.set(step.put.key, observe(step.put));
        } else if ('drop' in step) {
          texts.delete(step.drop);
          observed.delete(step.drop);
        } else if (!found.delete(step.toggle)) {
          found.set(step.toggle, new Map([['apiKey', new Secret(`key-${index}`)]]));
        }
        last = decideRoutes([...observed.values()], lookup, { loopbackAllowed: false, memo });
      }
      const fresh = decideRoutes([...texts.values()].map(observe), lookup, { loopbackAllowed: false });
      expect(last?.served ?? []).toEqual(fresh.served);
      expect(keysIn(last)).toEqual(keysIn(fresh));
      expect(last === undefined ? {} : byKey(last)).toEqual(byKey(fresh));
    }),
    runs(40),
  );
});

/** The keys of providers, which no comparison of objects sees. */
function keysIn(decisions: Decisions | undefined): readonly string[] {
  const providers = (decisions?.served ?? []).flatMap(({ compiled }) => compiled.providers);
  return providers.map(({ auth }) => (auth.type === 'APIKey' ? auth.key.reveal() : auth.type));
}
