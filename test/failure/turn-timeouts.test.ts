/** How long is waited for a provider, and what the client hears when it took too long. */
import { describe, expect, test } from '@jest/globals';
import { routeTo } from '../harness/bridge.ts';
import { within } from '../harness/wait-for.ts';
import { ask, logged, openScene, responseOf, typesOf } from '../protocol/scene.ts';

describe('a limit that is passed', () => {
  test('firstEventSeconds is a 504, and the provider is stopped', async () => {
    await using scene = await openScene({
      script: [{ stall: true }],
      route: { timeouts: { firstEventSeconds: 1 } },
    });
    const client = await scene.connect();
    expect(await ask(client, {})).toMatchObject([
      {
        type: 'error',
        status: 504,
        error: {
          code: 'first_event_timeout',
          message: expect.stringContaining('timeouts.firstEventSeconds'),
        },
      },
    ]);
    expect((await within(scene.provider.requests[0]!.closed, 'the end')).how).toBe('client-closed');
    expect(await logged(scene.bridge, 'turn.end')).toMatchObject([
      { outcome: 'timeout', error_type: 'first_event_timeout', status_code: 504 },
    ]);
  });

  test('firstEventSeconds counts events, not headers and comments', async () => {
    await using scene = await openScene({
      script: [{ open: true }, { comment: 'still working' }, { stall: true }],
      route: { timeouts: { firstEventSeconds: 1 } },
    });
    const client = await scene.connect();
    expect(await ask(client, {})).toMatchObject([{ status: 504, error: { code: 'first_event_timeout' } }]);
  });

  test('idleSeconds is response.failed with the same id, and the socket goes on', async () => {
    await using scene = await openScene({
      script: ({ body }) =>
        body.model === 'stalls' ? [{ text: 'half', unfinished: true }, { stall: true }] : 'hello',
      routes: (url) => {
        const match = { models: ['stalls'] };
        return [routeTo(url, { name: 'stalls', match, timeouts: { idleSeconds: 1 } }), routeTo(url)].join(
          '---\n',
        );
      },
    });
    const client = await scene.connect();
    const events = await ask(client, { model: 'stalls' });
    expect(events.at(-1)).toMatchObject({
      type: 'response.failed',
      response: {
        id: responseOf(events[0])['id'],
        error: { code: 'idle_timeout', message: expect.stringContaining('timeouts.idleSeconds') },
      },
    });
    expect((await within(scene.provider.requests[0]!.closed, 'the end')).how).toBe('client-closed');
    expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
  });

  test('turnDeadlineSeconds ends a turn that never stops talking', async () => {
    await using scene = await openScene({
      script: [{ text: 'on and on ', repeat: 100_000, delayMs: 5 }],
      // the other limits stay long: a stall before the first event would be another timeout
      route: { timeouts: { turnDeadlineSeconds: 3 } },
    });
    const client = await scene.connect();
    expect((await ask(client, {})).at(-1)).toMatchObject({
      type: 'response.failed',
      response: { error: { code: 'turn_timeout' } },
    });
    expect((await within(scene.provider.requests[0]!.closed, 'the end')).how).toBe('client-closed');
    expect(await logged(scene.bridge, 'turn.end')).toMatchObject([
      { outcome: 'timeout', error_type: 'turn_timeout' },
    ]);
  });

  test('is a 504 for a request over HTTP', async () => {
    await using scene = await openScene({
      script: [{ stall: true }],
      route: { timeouts: { firstEventSeconds: 1 } },
    });
    const answer = await fetch(`${scene.bridge.url}/responses`, { method: 'POST', body: '{"model":"m"}' });
    expect(answer.status).toBe(504);
    expect(await answer.json()).toMatchObject({ error: { code: 'first_event_timeout' } });
  });
});
