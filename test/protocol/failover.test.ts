/** A turn that its provider fails before the first event goes on to another one; what was begun stays where it is. */
import { describe, expect, test } from '@jest/globals';
import { closedUrl } from '../harness/nowhere.ts';
import { until } from '../harness/wait-for.ts';
import type { Answer, AnswerLike } from '../../src/scripted/script.ts';
import { ask, idOf, logged, said, textOf, typesOf } from './scene.ts';
import { openProviders } from './providers-scene.ts';

const overloaded: Answer = {
  status: { code: 503, body: { error: { message: 'busy', type: 'server_error' } } },
};
const failing = (code: number, headers: Record<string, string> = {}): Answer => ({
  status: { code, headers, body: { error: { message: 'no', type: 'server_error', code: null } } },
});
const works = [{ text: 'from b' }];

describe('before its first event a turn goes on to the next provider', () => {
  const cases: Record<string, AnswerLike> = {
    'that answers 500': failing(500),
    'that answers 503': overloaded,
    'that answers 529': failing(529),
    'that answers 429': failing(429),
    'that answers 408': failing(408),
    'that answers 504': failing(504),
    'that ends its stream before any event': { breakAfter: { events: 0, how: 'end' } },
    'that resets before any event': { breakAfter: { events: 0, how: 'reset' } },
    'that answers with a page': { form: 'html' },
    'whose first event is an error of its own': [
      {
        event: {
          type: 'error',
          status: 500,
          error: { type: 'server_error', code: 'server_error', message: 'x' },
        },
      },
    ],
    'whose first event is a failed response': [
      {
        event: {
          type: 'response.failed',
          response: { id: 'resp_x', status: 'failed', error: { code: 'server_is_overloaded', message: 'x' } },
        },
      },
    ],
  };
  test.each(Object.entries(cases))('from one %s', async (_name, script) => {
    const raw = Array.isArray(script) ? { quirks: ['noCreated'] as const, steps: script } : script;
    await using two = await openProviders({
      a: { script: () => raw },
      b: { script: works, route: { priority: 1 } },
    });
    const client = await two.connect();
    const events = await ask(client, { input: [said('hi')] });
    expect(textOf(events)).toBe('from b');
    expect(typesOf(events).filter((type) => type === 'response.created')).toHaveLength(1);
    expect(two.asked()).toEqual(['a', 'b']);
  });

  test('from one that is not there', async () => {
    await using two = await openProviders({
      a: { route: { url: `${closedUrl}/v1` } },
      b: { script: works, route: { priority: 1 } },
    });
    const client = await two.connect();
    expect(textOf(await ask(client, { input: [said('hi')] }))).toBe('from b');
    const [line] = await logged(two.scene.bridge, 'turn.failover');
    expect(line).toMatchObject({ from: 'a', to: 'b', cause: 'ConnectFailure' });
  });

  test('from one that says nothing in time', async () => {
    await using two = await openProviders(
      { a: { script: [{ stall: true }] }, b: { script: works, route: { priority: 1 } } },
      { route: { timeouts: { firstEventSeconds: 3 } } }, // for both: b has to answer within it
    );
    const client = await two.connect();
    expect(textOf(await ask(client, { input: [said('hi')] }))).toBe('from b');
  });

  test('for a client over HTTP too', async () => {
    await using two = await openProviders({
      a: { script: () => overloaded },
      b: { script: works, route: { priority: 1 } },
    });
    const response = await fetch(`${two.scene.bridge.url}/responses`, {
      method: 'POST',
      body: JSON.stringify({ model: 'm', input: 'hi' }),
    });
    expect(response.status).toBe(200);
    expect(JSON.stringify(await response.json())).toContain('from b');
  });

  test('with the whole conversation, where the last answer came from another', async () => {
    await using two = await openProviders({
      a: { script: [{ text: 'first' }] },
      b: { script: works, route: { priority: 1 } },
    });
    const client = await two.connect();
    const first = await ask(client, { input: [said('one')] });
    two.providers.a.use(() => overloaded);
    const second = await ask(client, { previous_response_id: idOf(first), input: [said('two')] });
    expect(textOf(second)).toBe('from b');
    const { body } = two.providers.b.requests[0]!;
    expect(body['previous_response_id']).toBeUndefined();
    expect(JSON.stringify(body.input)).toMatch(/one.*first.*two/);
  });
});

describe('a turn stays with its provider', () => {
  test.each([400, 404, 409, 413, 422])('when that refuses the request with %i', async (code) => {
    await using two = await openProviders({
      a: { script: () => failing(code) },
      b: { script: works, route: { priority: 1 } },
    });
    const client = await two.connect();
    expect(typesOf(await ask(client, { input: [said('hi')] }))).toEqual(['error']);
    expect(two.asked()).toEqual(['a']);
  });

  test('when anything of the answer has gone to the client', async () => {
    await using two = await openProviders({
      a: { script: () => ({ breakAfter: { events: 2, how: 'reset' }, steps: [{ text: 'x' }] }) },
      b: { script: works, route: { priority: 1 } },
    });
    const client = await two.connect();
    expect(typesOf(await ask(client, { input: [said('hi')] })).at(-1)).toBe('response.failed');
    expect(two.asked()).toEqual(['a']);
  });

  test.each([
    ['the route has no cause for it', { causes: ['ConnectFailure'] }],
    ['the route allows one attempt', { maxAttempts: 1 }],
  ])('when %s', async (_name, failover) => {
    await using two = await openProviders(
      { a: { script: () => overloaded }, b: { script: works, route: { priority: 1 } } },
      { route: { failover } },
    );
    const client = await two.connect();
    expect(await ask(client, { input: [said('hi')] })).toMatchObject([{ type: 'error', status: 503 }]);
    expect(two.asked()).toEqual(['a']);
  });

  test('when the next one would be one more than maxAttempts', async () => {
    await using three = await openProviders({
      a: { script: () => overloaded },
      b: { script: () => failing(500), route: { priority: 1 } },
      c: { script: works, route: { priority: 2 } },
    });
    const client = await three.connect();
    expect(await ask(client, { input: [said('hi')] })).toMatchObject([{ type: 'error', status: 500 }]);
    expect(three.asked()).toEqual(['a', 'b']);
  });
});

describe('who is asked', () => {
  test('a lower tier only when the one above cannot', async () => {
    await using two = await openProviders({
      spare: { script: [{ text: 'spare' }], route: { priority: 1 } },
      main: { script: [{ text: 'main' }] },
    });
    const client = await two.connect();
    for (let n = 0; n < 5; n++) expect(textOf(await ask(client, { input: [said('hi')] }))).toBe('main');
    two.providers.main.use(() => overloaded);
    expect(textOf(await ask(client, { input: [said('hi')] }))).toBe('spare');
  });

  test('within a tier each by its weight, and a connection stays with the one it has', async () => {
    await using two = await openProviders({ a: { script: [{ text: 'a' }] }, b: { script: [{ text: 'b' }] } });
    const seen = new Set<string>();
    for (let n = 0; n < 24; n++) {
      const client = await two.connect();
      const first = textOf(await ask(client, { input: [said('hi')] }));
      expect(textOf(await ask(client, { input: [said('again')] }))).toBe(first);
      seen.add(first);
    }
    expect([...seen].toSorted()).toEqual(['a', 'b']);
  });

  test('not one that failed three times in a row', async () => {
    await using two = await openProviders({
      a: { script: () => overloaded, route: { health: { ejectionSeconds: 300 } } },
      b: { script: works, route: { priority: 1 } },
    });
    const client = await two.connect();
    for (let n = 0; n < 6; n++) expect(textOf(await ask(client, { input: [said('hi')] }))).toBe('from b');
    expect(two.providers.a.requests).toHaveLength(3);
    const [line] = await logged(two.scene.bridge, 'provider.ejected');
    expect(line).toMatchObject({ provider: 'a' });
  });

  test('such a one again when its rest is over', async () => {
    await using two = await openProviders({
      a: { script: () => overloaded, route: { health: { ejectionSeconds: 1 } } },
      b: { script: works, route: { priority: 1 } },
    });
    const client = await two.connect();
    for (let n = 0; n < 3; n++) expect(textOf(await ask(client, { input: [said('hi')] }))).toBe('from b');
    await logged(two.scene.bridge, 'provider.ejected');
    two.providers.a.use([{ text: 'from a' }]);
    const answers: string[] = [];
    await until(async () => {
      answers.push(textOf(await ask(client, { input: [said('hi')] })));
      return answers.at(-1) === 'from a';
    }, 'a to be asked again');
    expect(answers.slice(0, -1).filter((answer) => answer !== 'from b')).toEqual([]);
    await logged(two.scene.bridge, 'provider.returned');
  });

  test('not one that asked to be left alone, for as long as it said', async () => {
    await using two = await openProviders(
      {
        a: {
          script: () => failing(429, { 'retry-after': '60' }),
          route: { auth: { type: 'APIKey', secretRef: { name: 'k' } } },
        },
        b: { script: works, route: { priority: 1 } },
      },
      { secrets: { k: { apiKey: 'provider-key' } } },
    );
    const client = await two.connect();
    for (let n = 0; n < 3; n++) expect(textOf(await ask(client, { input: [said('hi')] }))).toBe('from b');
    expect(two.providers.a.requests).toHaveLength(1);
  });

  test('all the same when all rest, and the client hears the last of them', async () => {
    await using two = await openProviders({
      a: { script: () => overloaded },
      b: { script: () => overloaded },
    });
    const client = await two.connect();
    for (let n = 0; n < 5; n++) {
      expect(await ask(client, { input: [said('hi')] })).toMatchObject([{ type: 'error', status: 503 }]);
    }
    two.providers.a.use(works);
    two.providers.b.use(works);
    expect(textOf(await ask(client, { input: [said('hi')] }))).toBe('from b');
  });
});

test('a route tries no more than its budget, when everything fails', async () => {
  await using two = await openProviders({
    a: { script: () => overloaded },
    b: { script: () => overloaded, route: { priority: 1 } },
  });
  const client = await two.connect();
  const turns = 60;
  for (let n = 0; n < turns; n++) await ask(client, { input: [said('hi')] });
  expect(two.asked().length - turns).toBeLessThanOrEqual(0.2 * turns + 60);
  expect(two.asked().length).toBeGreaterThan(turns);
});

test('a client that goes away, or interrupts, costs no provider its health', async () => {
  await using two = await openProviders({
    a: { script: [{ stall: true }] },
    b: { script: works, route: { priority: 1 } },
  });
  for (let n = 0; n < 4; n++) {
    const client = await two.connect();
    client.create({ model: 'm', input: [said('hi')] });
    await two.providers.a.waitForRequest(({ number }) => number === n + 1);
    client.terminate();
  }
  two.providers.a.use([{ text: 'from a' }]);
  const client = await two.connect();
  expect(textOf(await ask(client, { input: [said('hi')] }))).toBe('from a');
});
