/** How large a message may be, and how a larger one is refused. */
import { describe, expect, test } from '@jest/globals';
import { openRawSocket } from '../harness/raw-http.ts';
import { within } from '../harness/wait-for.ts';
import { ask, openScene, said, typesOf, type SceneWishes } from './scene.ts';

const maxMessageBytes = 10_000;
const small: SceneWishes = { route: { limits: { maxMessageBytes } } };

/** A frame of exactly so many bytes. */
function frameOf(bytes: number): string {
  const empty = JSON.stringify({ type: 'response.create', model: 'm', input: '' });
  return JSON.stringify({ type: 'response.create', model: 'm', input: 'x'.repeat(bytes - empty.length) });
}

describe('limits.maxMessageBytes', () => {
  test('a message of exactly so many bytes is a turn', async () => {
    await using scene = await openScene(small);
    const client = await scene.connect();
    client.send(frameOf(maxMessageBytes));
    expect(typesOf(await client.events()).at(-1)).toBe('response.completed');
  });

  test.each([maxMessageBytes + 1, maxMessageBytes * 1.25])(
    'one of %d bytes is answered with an error that names both sizes, and the socket goes on',
    async (bytes) => {
      await using scene = await openScene(small);
      const client = await scene.connect();
      client.send(frameOf(bytes));
      expect(await client.next()).toMatchObject({
        type: 'error',
        status: 400,
        error: {
          code: 'payload_too_large',
          message: expect.stringMatching(`${bytes} .* ${maxMessageBytes} `),
        },
      });
      expect(scene.provider.requests).toEqual([]);
      expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
    },
  );

  test('one that is more than a quarter larger closes the socket with 1009', async () => {
    await using scene = await openScene(small);
    const client = await scene.connect();
    client.send(frameOf(maxMessageBytes * 1.25 + 1));
    expect(await within(client.closed, 'the close')).toEqual({ code: 1009, reason: 'message too big' });
    expect(scene.provider.requests).toEqual([]);
  });

  test('a message in many fragments counts as one', async () => {
    await using scene = await openScene(small);
    await using raw = await openRawSocket(scene.bridge.port);
    raw.write(
      'GET /v1/responses HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    await raw.until('\r\n\r\n');
    raw.write(fragment(0x01, 'x'.repeat(7000)));
    raw.write(fragment(0x00, 'x'.repeat(7000)));
    const received = await raw.until((bytes) => bytes.includes(Buffer.from([0x03, 0xf1])));
    expect(received.includes(Buffer.from([0x88]))).toBe(true); // a close frame with 1009
  });

  test('a request of several MiB arrives whole, byte for byte', async () => {
    await using scene = await openScene();
    const client = await scene.connect();
    const image = { type: 'input_image', image_url: `data:image/png;base64,${'A'.repeat(6_000_000)}` };
    await ask(client, { input: [{ role: 'user', content: [image] }, said('look')] });
    const [request] = scene.provider.requests;
    expect(request?.body.input).toEqual([{ role: 'user', content: [image] }, said('look')]);
  });

  test('an event of several MiB from the provider arrives as one text message', async () => {
    await using scene = await openScene({ script: [{ text: 'y'.repeat(3_000_000), chunkBytes: 3_000_000 }] });
    const client = await scene.connect();
    const events = await ask(client, {});
    const delta = events.find(({ type }) => type === 'response.output_text.delta');
    expect(String(delta?.['delta'])).toHaveLength(3_000_000);
  });
});

/** A masked text fragment without FIN; the mask is zero, which leaves the payload as it is. */
function fragment(opcode: number, payload: string): Buffer {
  const head = Buffer.alloc(8);
  head[0] = opcode;
  head[1] = 0x80 | 126;
  head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, Buffer.from(payload)]);
}
