/** A provider that cannot be reached or that vanishes: what the client hears, and that its socket goes on. */
import { describe, expect, test } from '@jest/globals';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { fakeProvider } from '../harness/fake-provider.ts';
import { closedUrl, namelessUrl } from '../harness/nowhere.ts';
import {
  ask,
  logged,
  openScene,
  reloaded,
  responseOf,
  routeFile,
  typesOf,
  type JsonObject,
  type Scene,
} from '../protocol/scene.ts';
import type { Step } from '../../src/scripted/script.ts';

/** The one event of a turn that failed before its response existed; then the provider is well again. */
async function failedTurn(scene: Scene): Promise<JsonObject> {
  const client = await scene.connect();
  const events = await ask(client, {});
  expect(events).toHaveLength(1);
  await scene.changeRoute({});
  await reloaded(scene.bridge);
  expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
  return events[0]!;
}

describe('a provider that cannot be reached', () => {
  test('because nobody listens is a 502', async () => {
    await using scene = await openScene({ routes: () => routeFile(`${closedUrl}/v1`) });
    expect(await failedTurn(scene)).toMatchObject({
      type: 'error',
      status: 502,
      error: {
        type: 'server_error',
        code: 'provider_unreachable',
        message: 'provider scripted could not be reached: ECONNREFUSED.',
      },
    });
    const [line] = await logged(scene.bridge, 'turn.end');
    expect(line).toMatchObject({ outcome: 'provider_error', error_type: 'ECONNREFUSED', status_code: 502 });
  });

  test('because its name has no address is a 502', async () => {
    await using scene = await openScene({ routes: () => routeFile(`${namelessUrl}/v1`) });
    expect(await failedTurn(scene)).toMatchObject({
      type: 'error',
      status: 502,
      error: {
        code: 'provider_unreachable',
        message: expect.stringContaining('its host name has no address'),
      },
    });
  });

  test('because it speaks no TLS is a 502', async () => {
    await using plain = await fakeProvider();
    await using scene = await openScene({ routes: () => routeFile(plain.url.replace('http:', 'https:')) });
    expect(await failedTurn(scene)).toMatchObject({
      type: 'error',
      status: 502,
      error: { code: 'provider_unreachable', message: expect.stringContaining('speaks no TLS') },
    });
    expect((await logged(scene.bridge, 'turn.end'))[0]).toMatchObject({ error_type: 'tls_error' });
  });

  test('because it accepts no TLS handshake in time is a 504', async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    try {
      await using scene = await openScene({
        routes: () => routeFile(`https://127.0.0.1:${port}/v1`, { timeouts: { connectSeconds: 1 } }),
      });
      expect(await failedTurn(scene)).toMatchObject({
        type: 'error',
        status: 504,
        error: { code: 'connect_timeout' },
      });
    } finally {
      silent.close();
    }
  });
});

describe('a provider that vanishes', () => {
  test('before it has answered is a 502', async () => {
    await using scene = await openScene({
      script: ({ number }) => (number === 1 ? [{ reset: true }] : 'hello'),
    });
    const client = await scene.connect();
    expect(await ask(client, {})).toMatchObject([
      { type: 'error', status: 502, error: { code: expect.stringMatching(/^provider_/) } },
    ]);
    expect(scene.provider.requests).toHaveLength(1);
    expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
  });

  test('after its headers and before an event is a 502', async () => {
    await using scene = await openScene({ script: [{ open: true }, { reset: true }] });
    const client = await scene.connect();
    expect(await ask(client, {})).toMatchObject([
      { type: 'error', status: 502, error: { code: 'provider_connection_lost' } },
    ]);
  });

  const half: Step = { raw: 'event: response.output_text.delta\ndata: {"type":"response.output_te' };

  test.each([
    ['with a reset', { reset: true }],
    ['with an end', { end: true }],
  ] as const)(
    'in the middle of an event, %s, is response.failed, and the half event never shows',
    async (_, end) => {
      await using scene = await openScene({ script: [{ begin: true }, half, end] });
      const client = await scene.connect();
      const events = await ask(client, {});
      expect(typesOf(events)).toEqual(['response.created', 'response.in_progress', 'response.failed']);
      expect(responseOf(events[2])['id']).toBe(responseOf(events[0])['id']);
      expect(events[2]?.['sequence_number']).toBe(2);
      expect(await logged(scene.bridge, 'turn.end')).toMatchObject([{ outcome: 'provider_error' }]);
    },
  );

  test('is not called again by itself: the client decides', async () => {
    await using scene = await openScene({ script: [{ begin: true }, { reset: true }] });
    const client = await scene.connect();
    await ask(client, {});
    expect(scene.provider.requests).toHaveLength(1);
    expect(await scene.bridge.metric('turnbridge_provider_attempts_total')).toBe(1);
  });
});
