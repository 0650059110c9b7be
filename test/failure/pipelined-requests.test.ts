/** Several HTTP requests at once on one connection, and bytes behind a request that are none. */
import { describe, expect, test } from '@jest/globals';
import { gate } from '../harness/fake-provider.ts';
import { openRawSocket } from '../harness/raw-http.ts';
import { until, within } from '../harness/wait-for.ts';
import { openScene, settled, type Scene } from '../protocol/scene.ts';
import type { ScriptLike } from '../../src/scripted/choose-answer.ts';

function post(model: string): string {
  const body = JSON.stringify({ model, input: 'hi', stream: true });
  return `POST /v1/responses HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

/** A scene whose model `held` begins to answer and waits. */
async function openHeldScene(): Promise<{ readonly scene: Scene; readonly open: () => void }> {
  const held = gate();
  const script: ScriptLike = ({ body }) =>
    body.model === 'held'
      ? [{ begin: true }, { until: held.promise }, { text: 'the first answer' }]
      : [{ text: `the answer of ${String(body.model)}` }];
  return { scene: await openScene({ script }), open: () => held.open() };
}

describe('pipelined requests', () => {
  test('are served one after the other: the second reaches its provider when the first is answered', async () => {
    const { scene: opened, open } = await openHeldScene();
    await using scene = opened;
    await using raw = await openRawSocket(scene.bridge.port);
    raw.write(post('held') + post('second'));
    await raw.until('response.created');
    const other = await fetch(`${scene.bridge.url}/responses`, {
      method: 'POST',
      body: '{"model":"other"}',
    });
    expect(await other.text()).toContain('the answer of other');
    expect(scene.provider.requests.map(({ body }) => body.model)).toEqual(['held', 'other']);
    await until(() => scene.bridge.bridge.connections === 1, 'the other request to be over');
    open();
    const text = (await raw.until('the answer of second')).toString();
    expect(text.indexOf('the first answer')).toBeLessThan(text.indexOf('the answer of second'));
    expect(scene.provider.requests.map(({ body }) => body.model)).toEqual(['held', 'other', 'second']);
    raw.end();
  });

  test('that wait leave nothing behind when their connection goes', async () => {
    const { scene: opened } = await openHeldScene();
    await using scene = opened;
    await using raw = await openRawSocket(scene.bridge.port);
    raw.write(post('held') + post('second') + post('third'));
    await raw.until('response.created');
    raw.reset();
    expect((await within(scene.provider.requests[0]!.closed, 'the end of the request')).how).toBe(
      'client-closed',
    );
    await settled(scene.bridge);
    expect(scene.provider.requests).toHaveLength(1);
  });

  test('in a number that nobody needs end the connection', async () => {
    const { scene: opened } = await openHeldScene();
    await using scene = opened;
    await using raw = await openRawSocket(scene.bridge.port);
    raw.write(post('held'));
    await raw.until('response.created');
    raw.write(post('more').repeat(100));
    await within(raw.closed, 'the end of the connection');
    expect(scene.provider.requests).toHaveLength(1);
  });
});

describe('bytes that are no request', () => {
  test('behind a request that is being answered end the connection, and nothing is written into that answer', async () => {
    const { scene: opened } = await openHeldScene();
    await using scene = opened;
    await using raw = await openRawSocket(scene.bridge.port);
    raw.write(post('held'));
    await raw.until('response.created');
    raw.write('\0garbage\r\n\r\n');
    await within(raw.closed, 'the end of the connection');
    expect(
      raw
        .received()
        .toString()
        .match(/HTTP\/1\.1/g),
    ).toHaveLength(1);
    expect((await within(scene.provider.requests[0]!.closed, 'the end of the request')).how).toBe(
      'client-closed',
    );
  });

  test('behind a request whose answer has not begun are not answered in its place', async () => {
    const asked = Promise.withResolvers<void>();
    await using scene = await openScene({
      script: () => {
        asked.resolve();
        return [{ stall: true }];
      },
    });
    await using raw = await openRawSocket(scene.bridge.port);
    raw.write(post('silent'));
    await within(asked.promise, 'the request at the provider');
    raw.write('\0garbage\r\n\r\n');
    await within(raw.closed, 'the end of the connection');
    expect(raw.received().toString()).toBe('');
  });

  test('behind an answer that is whole are answered 400', async () => {
    const { scene: opened } = await openHeldScene();
    await using scene = opened;
    await using raw = await openRawSocket(scene.bridge.port);
    raw.write(post('quick'));
    await raw.until('\r\n0\r\n\r\n');
    await until(() => scene.bridge.bridge.connections === 0, 'the request to be over');
    raw.write('\0garbage\r\n\r\n');
    expect((await raw.until('HTTP/1.1 400')).toString()).toContain('connection: close');
    raw.end();
  });

  test('within a body are answered 400', async () => {
    await using scene = await openScene();
    await using raw = await openRawSocket(scene.bridge.port);
    raw.write('POST /v1/responses HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nno chunk\r\n');
    expect((await raw.until('HTTP/1.1 400')).toString()).toContain('connection: close');
    raw.end();
  });
});
