import { describe, expect, test } from '@jest/globals';
import { ConnectionBook } from '../../../src/telemetry/page/connection-book.ts';
import { ProviderBook, WINDOW_MS, WINDOW_PARTS } from '../../../src/telemetry/page/provider-book.ts';
import { MAX_ROUTES_SHOWN, RoutesBook } from '../../../src/telemetry/page/routes-book.ts';
import type { ProviderSources } from '../../../src/telemetry/provider-sources.ts';
import type { AttemptRecord } from '../../../src/turn/facts.ts';
import { manualClock } from '../../harness/clock.ts';
import { attemptRecord, connectionRecord, tunnelRecord, turnRecord } from './records.ts';

const WALL = 1_700_000_000_000;

function clocks(start = 10 * WINDOW_MS) {
  const clock = manualClock(start);
  return { clock, both: { now: () => clock.now(), wallNow: () => WALL + clock.now() } };
}

describe('connections on the ops page', () => {
  test('are those that are open, with what runs and waits on each', () => {
    const { both } = clocks();
    const book = new ConnectionBook(both);
    const first = connectionRecord({ id: 'c-1', openedAt: 5, clientKind: 'codex' });
    const second = connectionRecord({ id: 'c-2', clientKind: 'openai_sdk' });
    for (const connection of [first, second]) book.hearClient({ kind: 'connection.opened', connection });
    const turns = [turnRecord({ connectionId: 'c-1' }), turnRecord({ connectionId: 'c-1' })] as const;
    for (const turn of turns) book.hearTurn({ kind: 'turn.queued', turn });
    book.hearTurn({ kind: 'turn.started', turn: turns[0] });
    expect(book.view).toMatchObject({
      open: 2,
      byClient: { codex: 1, openai_sdk: 1, turnbridge: 0, other: 0 },
      rows: [
        { id: 'c-1', openedAt: WALL + 5, running: 1, waiting: 1 },
        { id: 'c-2', running: 0, waiting: 0 },
      ],
    });
    for (const turn of turns) book.hearTurn({ kind: 'turn.ended', turn });
    expect(book.view.rows[0]).toMatchObject({ running: 0, waiting: 0 });
    book.hearClient({ kind: 'connection.closed', connection: first });
    expect(book.view).toMatchObject({ open: 1, byClient: { codex: 0 }, rows: [{ id: 'c-2' }] });
  });

  test('say where those are passed on to that have no turns', () => {
    const book = new ConnectionBook(clocks().both);
    book.hearClient({ kind: 'connection.opened', connection: connectionRecord({ id: 'c-1' }) });
    book.hearClient({ kind: 'tunnel.opened', tunnel: tunnelRecord({ id: 'c-2' }) });
    expect(book.view.rows.map(({ passedOn }) => passedOn)).toEqual([
      undefined,
      { provider: 'openai', path: '/realtime' },
    ]);
  });

  test('are the oldest and the newest where there are many, and all are counted', () => {
    const book = new ConnectionBook(clocks().both, 2);
    for (let id = 1; id <= 7; id++) {
      book.hearClient({ kind: 'connection.opened', connection: connectionRecord({ id: `c-${id}` }) });
    }
    expect(book.view.open).toBe(7);
    expect(book.view.rows.map(({ id }) => id)).toEqual(['c-1', 'c-2', 'c-6', 'c-7']);
  });

  test('are not bothered by turns over HTTP or by the end of a connection nobody heard of', () => {
    const book = new ConnectionBook(clocks().both);
    book.hearTurn({ kind: 'turn.queued', turn: turnRecord({ via: 'http', connectionId: 'c-h' }) });
    book.hearClient({ kind: 'connection.closed', connection: connectionRecord() });
    expect(book.view).toMatchObject({ open: 0, byClient: { codex: 0 }, rows: [] });
    expect(book.changes).toBe(0);
  });
});

describe('providers on the ops page', () => {
  function world({ maxProviders, sources = {} }: { maxProviders?: number; sources?: ProviderSources } = {}) {
    const { clock, both } = clocks();
    const book = new ProviderBook(both, sources, maxProviders);
    const end = (over: Partial<AttemptRecord> = {}, route = 'ai/coding'): void => {
      const attempt = attemptRecord({ firstEventAt: undefined, ...over });
      book.hear({ kind: 'attempt.ended', turn: turnRecord({ route }), attempt });
    };
    return { clock, book, end };
  }

  test('are judged by the attempts of the last minutes, and failing when the last one failed', () => {
    const { clock, book, end } = world();
    end();
    end();
    clock.advance(1000);
    end({ result: 'error', errorType: '503' });
    const failedAt = WALL + clock.now();
    expect(book.view).toMatchObject([
      {
        route: 'ai/coding',
        provider: 'openai',
        health: 'failing',
        attempts: 3,
        failures: 1,
        lastError: { type: '503', at: failedAt },
        lastSuccessAt: failedAt - 1000,
      },
    ]);
    clock.advance(1000);
    end();
    expect(book.view).toMatchObject([{ health: 'ok', attempts: 4, failures: 1 }]);
    clock.advance(WINDOW_MS + 10_000);
    expect(book.view).toMatchObject([
      { health: 'idle', attempts: 0, failures: 0, lastError: { at: failedAt } },
    ]);
    // in the place of what was forgotten
    clock.advance(WINDOW_MS - 10_000);
    end();
    expect(book.view).toMatchObject([{ health: 'ok', attempts: 1, failures: 0 }]);
  });

  test('are not blamed for attempts that nobody wanted any more', () => {
    const { book, end } = world();
    end({ result: 'aborted' });
    expect(book.view).toMatchObject([{ health: 'idle', attempts: 0, failures: 0 }]);
  });

  test('are not blamed for what clients ask wrongly, nor for what the bridge itself ended', () => {
    const { book, end } = world();
    end();
    end({ result: 'rejected', errorType: '400' });
    end({ result: 'error', errorType: 'no_room' });
    end({ result: 'error', errorType: 'internal_error' });
    expect(book.view).toMatchObject([{ health: 'ok', attempts: 1, failures: 0, lastError: undefined }]);
    end({ result: 'error', errorType: '429' });
    expect(book.view).toMatchObject([{ health: 'failing', attempts: 2, failures: 1 }]);
  });

  test('have a median of the time to the first event, of the window alone', () => {
    const { clock, book, end } = world();
    for (const ms of [900, 100, 200, 300]) end({ startedAt: 0, firstEventAt: ms });
    // an error event comes at once
    for (let count = 0; count < 5; count++) end({ result: 'error', startedAt: 0, firstEventAt: 1 });
    expect(book.view[0]?.firstEventP50Ms).toBe(200);
    clock.advance(WINDOW_MS - 1);
    for (let count = 0; count < 5; count++) end({ startedAt: 0, firstEventAt: 7 });
    expect(book.view[0]?.firstEventP50Ms).toBe(7);
    clock.advance(WINDOW_MS + 2);
    expect(book.view[0]?.firstEventP50Ms).toBeUndefined();
  });

  test('have a history of the window in parts, which moves on', () => {
    const { clock, book, end } = world();
    const history = () => book.view[0]?.history ?? [];
    end();
    end({ result: 'error' });
    expect(history()).toHaveLength(WINDOW_PARTS);
    expect(history().at(-1)).toEqual([1, 1]);
    clock.advance(WINDOW_MS / WINDOW_PARTS);
    end();
    expect(history().slice(-2)).toEqual([
      [1, 1],
      [1, 0],
    ]);
    clock.advance(WINDOW_MS - WINDOW_MS / WINDOW_PARTS);
    expect(history()[0]).toEqual([1, 0]);
    clock.advance(WINDOW_MS / WINDOW_PARTS);
    expect(history().every(([good, failed]) => good + failed === 0)).toBe(true);
  });

  test('say how they are reached, and why not over a WebSocket', () => {
    const without = [{ provider: 'openai', url: 'https://provider.example/v1', forMs: 240_000 }];
    const { clock, book, end } = world({ sources: { withoutWebSocket: () => without } });
    end({
      transport: 'websocket',
      transportReason: 'preferred',
      result: 'fallback',
      errorType: '404',
      status: 404,
    });
    const turn = turnRecord();
    book.hear({
      kind: 'turn.transport-fallback',
      turn,
      provider: 'openai',
      known: 'now',
      reason: 'not_supported',
    });
    end({ number: 2, reason: 'transport_fallback', transportReason: 'not_supported' });
    const at = WALL + clock.now();
    // the refused upgrade is no failure of the provider
    expect(book.view[0]).toMatchObject({ health: 'ok', attempts: 1, failures: 0, lastError: undefined });
    expect(book.view[0]?.reach).toEqual({
      transport: 'http',
      reason: 'not_supported',
      lastFallback: { reason: 'not_supported', at },
      noWebSocket: { status: 404, until: at + 240_000 },
      sockets: undefined,
    });
    without.pop();
    expect(book.view[0]?.reach.noWebSocket).toBeUndefined();
  });

  test('show their sockets, what is left of their limits, and when one that rests is asked again', () => {
    const of = { route: 'ai/coding', provider: 'openai' };
    const connections = { ...of, transport: 'websocket', active: 2, idle: 1 } as const;
    const { clock, book, end } = world({
      sources: {
        providerConnections: () => [connections, connections, { ...connections, provider: 'other' }],
        providerHealth: () => [{ ...of, isResting: true, restsForMs: 20_000 }],
      },
    });
    end({ result: 'error', errorType: '503' });
    const before = book.changes;
    book.hear({ kind: 'provider.ejected', ...of, why: 'failures', forMs: 20_000 });
    book.hear({ kind: 'provider.rate-limit', ...of, window: { requests: 0.5, tokens: undefined } });
    expect(book.changes).toBe(before + 2);
    const now = WALL + clock.now();
    expect(book.view).toMatchObject([
      {
        health: 'resting',
        restsUntil: now + 20_000,
        restsBecause: 'failures',
        reach: { sockets: { active: 4, idle: 2 } },
        limits: { requests: 0.5, tokens: undefined, at: now },
      },
    ]);
  });

  test('say why they rest, for as long as they do', () => {
    const of = { route: 'ai/coding', provider: 'openai' };
    const rest = { ...of, isResting: true, restsForMs: 6_000 };
    const { book } = world({ sources: { providerHealth: () => [rest] } });
    book.hear({ kind: 'provider.ejected', ...of, why: 'failures', forMs: 10_000 });
    book.hear({ kind: 'provider.ejected', ...of, why: 'retry_after', forMs: 6_000 });
    expect(book.view[0]).toMatchObject({ health: 'resting', restsBecause: 'retry_after' });
    rest.restsForMs = 0;
    expect(book.view[0]).toMatchObject({ restsUntil: undefined, restsBecause: undefined });
  });

  test('are as many as may be: the one longest unused is forgotten', () => {
    const { clock, book, end } = world({ maxProviders: 2 });
    end({ provider: 'a' });
    clock.advance(1);
    end({ provider: 'b' });
    clock.advance(1);
    end({ provider: 'a' });
    end({ provider: 'c' });
    expect(book.view.map(({ provider }) => provider)).toEqual(['a', 'c']);
  });
});

describe('routes on the ops page', () => {
  const route = (id: string) => ({
    id,
    match: { models: ['gpt-*'] },
    providers: [{ name: 'p', origin: 'https://p.example', query: 'key=SECRET', auth: 'SECRET' }],
  });

  test('are the ones in effect, each with all its places and no secret', () => {
    const book = new RoutesBook(() => 5);
    expect(book.view).toBeUndefined();
    book.serves({
      version: 'v1',
      groups: [
        { hostname: '*', path: '/v1', routes: [route('a/one'), route('a/two')] },
        { hostname: 'ai.example', path: '', routes: [route('a/one')] },
      ],
    });
    expect(book.view).toEqual({
      version: 'v1',
      since: 5,
      lastReload: undefined,
      omitted: 0,
      rows: [
        {
          id: 'a/one',
          places: ['*/v1', 'ai.example'],
          models: ['gpt-*'],
          providers: [{ name: 'p', origin: 'https://p.example' }],
        },
        {
          id: 'a/two',
          places: ['*/v1'],
          models: ['gpt-*'],
          providers: [{ name: 'p', origin: 'https://p.example' }],
        },
      ],
    });
  });

  test('stay when new ones were refused, and say so', () => {
    let now = 5;
    const book = new RoutesBook(() => now);
    book.serves({ version: 'v1', groups: [] });
    const before = book.changes;
    now = 9;
    book.configReload('failure');
    expect(book.view).toMatchObject({ version: 'v1', since: 5, lastReload: { result: 'failure', at: 9 } });
    expect(book.changes).toBeGreaterThan(before);
  });

  test('are counted beyond the number that is shown', () => {
    const book = new RoutesBook(() => 0);
    const routes = Array.from({ length: MAX_ROUTES_SHOWN + 3 }, (_, index) => route(`a/${index}`));
    book.serves({ version: 'v1', groups: [{ hostname: '*', path: '', routes }] });
    expect(book.view?.rows).toHaveLength(MAX_ROUTES_SHOWN);
    expect(book.view?.omitted).toBe(3);
  });
});
