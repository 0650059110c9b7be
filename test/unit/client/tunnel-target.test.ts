import { describe, expect, test } from '@jest/globals';
import type { Admitted } from '../../../src/client/admission.ts';
import { chooseTunnel, type TunnelTarget } from '../../../src/client/tunnel-target.ts';
import type { CompiledRoute, RouteGroup } from '../../../src/route/snapshot.ts';
import { aProvider, aRoute } from '../../harness/compiled-route.ts';
import { headOf } from './heads.ts';

const relay = { paths: [], webSocketPaths: ['/realtime', '/live/*'], sharedKey: false };

interface Asked {
  readonly routes?: readonly CompiledRoute[];
  readonly queryAllow?: readonly string[];
  readonly headers?: Record<string, string>;
  /** Names of providers that are left alone. */
  readonly resting?: readonly string[];
  /** At least 0, below 1. */
  readonly draw?: number;
}

/** What is chosen, in short: provider, pattern and query; or status, code and the beginning of the message. */
function choose(
  url: string,
  { routes, queryAllow = [], headers = {}, resting = [], draw = 0 }: Asked = {},
): string {
  const all = routes ?? [aRoute({ relay, providers: [aProvider({ transport: 'Auto' })] })];
  const [{ clients, limits }] = all as [CompiledRoute];
  const group: RouteGroup = {
    hostname: '*',
    path: '/v1',
    clients: { ...clients, queryAllow: new Set(queryAllow) },
    limits,
    routes: all,
  };
  const head = headOf(headers, `/v1${url}`);
  const admitted: Admitted = {
    kind: 'admitted',
    group,
    rest: url.split('?', 1)[0]!,
    identity: { tenant: 't', countKey: undefined },
    via: 'me',
    fields: head.fields,
  };
  const health = { isResting: (_: unknown, { name }: { readonly name: string }) => resting.includes(name) };
  const chosen = chooseTunnel(head, admitted, { health, random: () => draw });
  if (isTarget(chosen)) return `${chosen.provider.name} ${chosen.pattern} ${chosen.query}`;
  return `${chosen.status} ${String(chosen.error.code)} ${chosen.error.message}`;
}

function isTarget(chosen: ReturnType<typeof chooseTunnel>): chosen is TunnelTarget {
  return 'provider' in chosen;
}

describe('the model in the query', () => {
  const routes = [
    aRoute({ id: 'a/any', relay, providers: [aProvider({ name: 'any', transport: 'Auto' })] }),
    aRoute({
      id: 'a/own',
      relay,
      match: { models: ['own-*'], headers: [] },
      providers: [
        aProvider({ name: 'own', transport: 'WebSocket', modelMapping: [{ from: 'own-*', to: 'their *' }] }),
      ],
    }),
  ];

  test('chooses route and provider, and goes on under the provider’s name for it', () => {
    expect(choose('/realtime?model=own-1', { routes })).toBe('own /realtime model=their%201');
    expect(choose('/realtime?model=gpt-realtime', { routes })).toBe('any /realtime model=gpt-realtime');
    expect(choose('/realtime?mod%65l=own%2D1', { routes })).toBe('own /realtime model=their%201');
  });

  test('may be left out: the oldest route serves it', () => {
    expect(choose('/realtime', { routes })).toBe('any /realtime ');
    expect(choose('/realtime?model=', { routes })).toBe('any /realtime ');
  });

  test('may not stand there twice, nor be broken', () => {
    expect(choose('/realtime?model=a&model=b', { routes })).toMatch(
      /^400 invalid_request `model` stands twice/,
    );
    expect(choose('/realtime?model=%zz', { routes })).toMatch(/^400 invalid_request .*percent-encoding/);
  });

  test('that no route serves is refused', () => {
    expect(choose('/realtime?model=other', { routes: [routes[1]!] })).toMatch(/^404 model_not_found/);
  });

  test('is the only parameter that passes unless the route allows others', () => {
    const url = '/realtime?intent=transcription&model=m&secret=1&call_id=c%201';
    expect(choose(url)).toBe('openai /realtime model=m');
    expect(choose(url, { queryAllow: ['intent', 'call_id', 'model'] })).toBe(
      'openai /realtime model=m&intent=transcription&call_id=c%201',
    );
  });
});

describe('the provider', () => {
  test('is not one that is reached over HTTP only', () => {
    const providers = [
      aProvider({ name: 'first', transport: 'HTTP' }),
      aProvider({ name: 'second', transport: 'Auto', dialect: 'Compatible' }),
    ];
    expect(choose('/realtime', { routes: [aRoute({ relay, providers })] })).toMatch(/^second /);
  });

  test('is not one that rests, unless all of them do', () => {
    const providers = ['first', 'second'].map((name) => aProvider({ name, transport: 'Auto' }));
    const routes = [aRoute({ relay, providers })];
    expect(choose('/realtime', { routes, resting: ['first'] })).toMatch(/^second /);
    expect(choose('/realtime', { routes, resting: ['first', 'second'] })).toMatch(/^first /);
  });

  test('is chosen by weight within its tier, as for a turn; without weight only when there is no other', () => {
    const named = (name: string, weight: number, priority = 0) =>
      aProvider({ name, weight, priority, transport: 'Auto' });
    const providers = [named('drained', 0), named('one', 1), named('three', 3), named('later', 1, 1)];
    const routes = [aRoute({ relay, providers })];
    const chosen = [0, 0.24, 0.26, 0.99].map((draw) => choose('/realtime', { routes, draw }).split(' ')[0]);
    expect(chosen).toEqual(['one', 'one', 'three', 'three']);
    const resting = ['one', 'three'];
    expect(choose('/realtime', { routes, resting })).toMatch(/^later /);
    expect(choose('/realtime', { routes: [aRoute({ relay, providers: [named('drained', 0)] })] })).toMatch(
      /^drained /,
    );
  });

  test('that is reached over HTTP only is named in the refusal', () => {
    const routes = [aRoute({ relay, providers: [aProvider({ name: 'plain', transport: 'HTTP' })] })];
    expect(choose('/realtime', { routes })).toMatch(
      /^404 not_found Provider plain is reached over HTTP only/,
    );
  });

  test('whose key is missing is told as for a turn', () => {
    const routes = [
      aRoute({
        relay,
        providers: [],
        unusableProviders: [{ name: 'openai', dialect: 'OpenAI', models: [] }],
      }),
    ];
    expect(choose('/realtime', { routes })).toMatch(/^503 not_ready Provider openai/);
  });

  test('of a ChatGPT login is the one for logins, and nobody else’s', () => {
    const routes = [
      aRoute({
        relay,
        providers: [
          aProvider({ name: 'keys', transport: 'Auto' }),
          aProvider({ name: 'logins', transport: 'Auto', dialect: 'ChatGPT' }),
        ],
      }),
    ];
    expect(choose('/realtime', { routes, headers: { 'chatgpt-account-id': 'a' } })).toMatch(/^logins /);
    expect(choose('/realtime', { routes })).toMatch(/^keys /);
  });

  test('of a login is never one that is for keys because its own has no WebSocket', () => {
    const routes = [
      aRoute({
        relay,
        providers: [
          aProvider({ name: 'keys', transport: 'Auto' }),
          aProvider({ name: 'logins', transport: 'HTTP', dialect: 'ChatGPT' }),
        ],
      }),
    ];
    expect(choose('/realtime', { routes, headers: { 'chatgpt-account-id': 'a' } })).toMatch(/^404 .*logins/);
  });
});

describe('the path', () => {
  test('is told by the entry that lists it', () => {
    expect(choose('/live/abc?model=m')).toBe('openai /live/* model=m');
  });

  test('that another route of the group lists is not this route’s', () => {
    const routes = [
      aRoute({
        id: 'a/one',
        relay: { ...relay, webSocketPaths: [] },
        providers: [aProvider({ transport: 'Auto' })],
      }),
      aRoute({ id: 'a/two', relay, match: { models: ['two'], headers: [] } }),
    ];
    expect(choose('/realtime?model=one', { routes })).toMatch(/^404 not_found The route of this model/);
  });
});
