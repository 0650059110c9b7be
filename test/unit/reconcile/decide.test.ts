import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { decideRoutes, prepareRoutes } from '../../../src/reconcile/decide.ts';
import { CompileMemo } from '../../../src/route/compile.ts';
import {
  ANYBODY,
  decide,
  KEYED,
  lookupOf,
  observe,
  OPEN,
  openSpec,
  servedIds,
  verdictOn,
} from './cluster.ts';

const BOTH = { clients: ANYBODY, providers: [KEYED, OPEN] };

describe('a sound route', () => {
  test('is accepted and served', () => {
    const decisions = decide([{ key: 'ai/coding', spec: openSpec() }]);
    expect(verdictOn('ai/coding', decisions)).toEqual({
      accepted: { status: 'True', reason: 'Accepted', message: 'the route has no mistake' },
      resolvedRefs: {
        status: 'True',
        reason: 'ResolvedRefs',
        message: 'every Secret and ConfigMap that the route names is there',
      },
      partiallyInvalid: undefined,
      warnings: [],
      providers: { usable: 1, total: 1 },
    });
    expect(servedIds(decisions)).toEqual(['ai/coding']);
  });

  test('is told its warnings, and served all the same', () => {
    const spec = openSpec({ providers: [{ ...OPEN, url: 'http://203.0.113.9/v1' }] });
    const decisions = decide([{ key: 'ai/coding', spec }]);
    const { accepted, warnings } = verdictOn('ai/coding', decisions);
    expect(warnings).toEqual([
      'spec.providers[0].url: url is http to a public host: keys and prompts can be read on the way; write https://',
    ]);
    expect(accepted).toEqual({
      status: 'True',
      reason: 'Accepted',
      message: `the route has no mistake, and 1 warning:\n${warnings.join('\n')}`,
    });
    expect(servedIds(decisions)).toEqual(['ai/coding']);
  });
});

describe('a route that is never used', () => {
  const headers = [
    { name: 'x-team', value: 'a' },
    { name: 'x-env', value: 'dev' },
  ];
  const older = { key: 'ai/older', age: 0, spec: openSpec({ match: { models: ['a', 'b'], headers } }) };
  const warningsOf = (match: object, more: object = {}) => {
    const spec = openSpec({ match, ...more });
    return verdictOn('ai/coding', decide([older, { key: 'ai/coding', age: 1, spec }])).warnings;
  };

  test('because an older one is for the same requests is warned of, and served all the same', () => {
    expect(warningsOf({ models: ['b', 'a'], headers: headers.toReversed() })).toEqual([
      'spec.match: this route is never used: the older route ai/older is for the same requests and comes first; write another match, host or path, or remove one of the two',
    ]);
  });

  test.each([
    ['other models', { models: ['a'], headers }, {}],
    ['other headers', { models: ['a', 'b'], headers: headers.slice(1) }, {}],
    ['another host too', { models: ['a', 'b'], headers }, { hostnames: ['b.example'] }],
    ['another path too', { models: ['a', 'b'], headers, paths: ['/v1', '/v2'] }, {}],
  ])('is not one with %s', (_, match, more) => {
    expect(warningsOf(match, more)).toEqual([]);
  });
});

describe('a route that is refused says what to write instead', () => {
  const older = { key: 'ai/older', age: 0, spec: openSpec({ hostnames: ['a.example'] }) };
  test.each([
    [
      'a field that is wrong',
      openSpec({ providers: [{ ...OPEN, url: 'https://models.example/v1?x=1' }] }),
      'Invalid',
      'spec.providers[0].url: url holds a query; write its entries as query: [{name, value}], but a key into a Secret that auth.secretRef names',
    ],
    [
      'a provider on the machine of the bridge',
      openSpec({ providers: [{ ...OPEN, url: 'http://127.0.0.1:8000/v1' }] }),
      'Invalid',
      /^spec\.providers\[0\]\.url: url leads to 127\.0\.0\.1, the machine of the bridge itself/,
    ],
    [
      'a first rest that is longer than the longest',
      openSpec({ providers: [{ ...OPEN, health: { ejectionSeconds: 600 } }] }),
      'Invalid',
      'spec.providers[0].health.ejectionSeconds: the first rest, ejectionSeconds, is longer than the longest, maxEjectionSeconds (300 when left out); write a maxEjectionSeconds that is as long, or a shorter first rest',
    ],
    [
      'other limits than the older route of its group',
      openSpec({ hostnames: ['a.example'], limits: { maxLanes: 2 } }),
      'Conflicted',
      'spec.limits: routes that share host a.example and path /v1 must have the same limits, and those of the older route ai/older differ; write the same, or another host or path',
    ],
  ])('%s', (_, spec, reason, message) => {
    const decisions = decide([older, { key: 'ai/coding', age: 1, spec }]);
    const { accepted, providers } = verdictOn('ai/coding', decisions);
    expect(accepted).toMatchObject({ status: 'False', reason });
    expect(accepted.message).toMatch(message);
    expect(providers).toEqual({ usable: 0, total: 1 });
    expect(servedIds(decisions)).toEqual(['ai/older']);
  });

  test('other clients than the older route of its group, where neither names a host', () => {
    const decisions = decide([
      { key: 'ai/older', age: 0, spec: openSpec() },
      { key: 'ai/coding', age: 1, spec: openSpec({ limits: { maxLanes: 2 } }) },
    ]);
    expect(verdictOn('ai/coding', decisions).accepted.message).toMatch(
      /^spec\.limits: routes that share any host \(no hostnames\) and path \/v1 /,
    );
  });

  test('the host of another namespace', () => {
    const spec = openSpec({ hostnames: ['A.example'] });
    const decisions = decide([older, { key: 'web/coding', age: 1, spec }]);
    expect(verdictOn('web/coding', decisions).accepted).toEqual({
      status: 'False',
      reason: 'HostnameNotAllowed',
      message:
        'spec.hostnames[0]: host a.example belongs to namespace ai through its older route ai/older; write another host, or move this route there',
    });
  });

  test('several mistakes: all of them, the gravest kind first and as the reason', () => {
    const providers = [OPEN, { ...OPEN, name: 'second', url: 'https://models.example/v1#x' }];
    const decisions = decide([
      older,
      { key: 'web/coding', age: 1, spec: openSpec({ hostnames: ['a.example'], providers }) },
    ]);
    const { accepted } = verdictOn('web/coding', decisions);
    expect(accepted.reason).toBe('Invalid');
    expect(accepted.message.split('\n').map((line) => line.split(':')[0])).toEqual([
      'spec.providers[1].url',
      'spec.hostnames[0]',
    ]);
  });

  test('and what it refers to is judged at the same time', () => {
    const spec = { ...BOTH, limits: { maxLanes: 0 } };
    const verdict = verdictOn('ai/coding', decide([{ key: 'ai/coding', spec }]));
    expect(verdict.accepted.reason).toBe('Invalid');
    expect(verdict.resolvedRefs).toMatchObject({ status: 'False', reason: 'SecretNotFound' });
    expect(verdict.partiallyInvalid).toBeUndefined();
  });
});

describe('between routes', () => {
  const hostnames = ['a.example'];

  test('the age decides whose a host is, not the name', () => {
    const young = { key: 'a/a', age: 9, spec: openSpec({ hostnames }) };
    const old = { key: 'z/z', age: 1, spec: openSpec({ hostnames }) };
    expect(servedIds(decide([young, old]))).toEqual(['z/z']);
    expect(servedIds(decide([young, { ...old, age: 10 }]))).toEqual(['a/a']);
    expect(servedIds(decide([young, { ...old, age: 9 }]))).toEqual(['a/a']);
  });

  test('a route that is broken keeps its host: a mistake in an edit must not give it away', () => {
    const decisions = decide([
      { key: 'ai/coding', age: 0, spec: openSpec({ hostnames, limits: { maxLanes: 0 } }) },
      { key: 'web/coding', age: 1, spec: openSpec({ hostnames }) },
    ]);
    expect(servedIds(decisions)).toEqual([]);
    expect(verdictOn('web/coding', decisions).accepted.reason).toBe('HostnameNotAllowed');
  });

  test('a route that is being deleted is served no more, says so, and frees its host', () => {
    const decisions = decide([
      { key: 'ai/coding', age: 0, deleted: true, spec: openSpec({ hostnames }) },
      { key: 'web/coding', age: 1, spec: openSpec({ hostnames }) },
    ]);
    expect(servedIds(decisions)).toEqual(['web/coding']);
    expect(verdictOn('ai/coding', decisions)).toMatchObject({
      accepted: {
        status: 'False',
        reason: 'BeingDeleted',
        message: expect.stringMatching(/metadata\.finalizers/),
      },
      providers: { usable: 0, total: 1 },
    });
    expect(verdictOn('web/coding', decisions).accepted.status).toBe('True');
  });
});

test('a sidecar may name its own machine', () => {
  const routes = [
    observe({
      key: 'ai/local',
      spec: openSpec({ providers: [{ ...OPEN, url: 'http://127.0.0.1:8000/v1' }] }),
    }),
  ];
  const { served } = decideRoutes(routes, lookupOf({}), { loopbackAllowed: true });
  expect(served).toHaveLength(1);
  expect(decideRoutes(routes, lookupOf({}), { loopbackAllowed: false }).served).toEqual([]);
});

test('with a memo only what changed is compiled again, and nothing is decided otherwise', () => {
  const routes = ['ai/a', 'ai/b'].map((key) => observe({ key, spec: openSpec() }));
  const memo = new CompileMemo();
  const options = { loopbackAllowed: false, memo };
  const first = decideRoutes(routes, lookupOf({}), options);
  const again = decideRoutes(
    [observe({ key: 'ai/a', spec: openSpec({ relay: { paths: [] } }) }), ...routes.slice(1)],
    lookupOf({}),
    options,
  );
  expect(again.served[1]?.compiled).toBe(first.served[1]?.compiled);
  expect(again.served[0]?.compiled).not.toBe(first.served[0]?.compiled);
  expect(again.verdicts).toEqual(first.verdicts);
});

test('what was compiled with pauses beforehand decides nothing, and is not compiled again', async () => {
  const routes = Array.from({ length: 120 }, (_, index) => observe({ key: `ai/r${index}`, spec: BOTH }));
  const lookup = lookupOf({});
  const memo = new CompileMemo();
  const seen: string[] = [];
  const counting = {
    ...lookup,
    secret: (namespace: string, name: string) => void seen.push(`${namespace}/${name}`),
  };
  setImmediate(() => seen.push('somebody else'));
  const pause = () => nextTurn();
  await prepareRoutes(routes, counting, { loopbackAllowed: false, memo }, pause);
  expect(new Set(seen).size).toBe(2);
  expect(seen.indexOf('somebody else')).toBeLessThan(seen.length / 2);
  const prepared = decideRoutes(routes, lookup, { loopbackAllowed: false, memo });
  expect(prepared).toEqual(decideRoutes(routes, lookup, { loopbackAllowed: false }));
  const again = decideRoutes(routes, lookup, { loopbackAllowed: false, memo });
  expect(again.served.map(({ compiled }) => compiled)).toEqual(
    prepared.served.map(({ compiled }) => compiled),
  );
  expect(prepared.served[7]?.compiled).toBe(again.served[7]?.compiled);
  expect(prepared.served).toHaveLength(120);
});
