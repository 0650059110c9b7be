/** A process that leaves loses no request of clients that keep their HTTP connections: SDKs do. */
import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { gate } from '../harness/fake-provider.ts';
import { until, within } from '../harness/wait-for.ts';
import { firstRefusal, heldAnswer } from './drain-scene.ts';
import { openScene } from './scene.ts';

/** An HTTP client that has one connection, and would keep it. */
class KeptConnection implements AsyncDisposable {
  opened = 0;
  closed = 0;
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  /** @param url of the bridge, up to `/v1` */
  constructor(url: string) {
    this.#url = `${url}/responses`;
  }

  /** A turn: its answer, as soon as that has begun. */
  post(): Promise<IncomingMessage> {
    return this.#ask('POST', BODY);
  }

  /** Answered at once. */
  async look(): Promise<IncomingMessage> {
    const response = await this.#ask('HEAD');
    await textIn(response);
    return response;
  }

  async #ask(method: string, body?: string): Promise<IncomingMessage> {
    const asked = request(this.#url, { method, agent: this.#agent });
    asked.once('socket', (socket) => {
      if (!socket.connecting) return;
      this.opened += 1;
      socket.once('close', () => (this.closed += 1));
    });
    asked.end(body);
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    return response;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy();
    await until(() => this.closed === this.opened, 'the end of its connections');
  }
}

const BODY = '{"model":"m","stream":true}';
/** Longer than a test: it is not the end of the delay that closes connections, and the scene's end ends the drain. */
const LONG = { delayMs: 600_000 };

async function textIn(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) text += chunk;
  return text;
}

describe('from SIGTERM on', () => {
  test('an answer says that it is the last one of its connection', async () => {
    await using scene = await openScene();
    await using idle = new KeptConnection(scene.bridge.url);
    expect((await idle.look()).headers.connection).toBe('keep-alive');
    void scene.bridge.drain(LONG);
    expect((await idle.look()).headers.connection).toBe('close');
    await until(() => idle.closed === 1, 'the end of the connection');
    expect(idle.opened).toBe(1);
  });

  test('so does one that was waited for already, and had not begun', async () => {
    const held = gate();
    await using scene = await openScene({ script: [{ until: held.promise }, { text: 'late' }] });
    await using busy = new KeptConnection(scene.bridge.url);
    const asked = busy.post();
    await until(() => scene.provider.requests.length === 1, 'the request at the provider');
    void scene.bridge.drain(LONG);
    held.open();
    const answer = await asked;
    expect(answer.headers.connection).toBe('close');
    expect(await textIn(answer)).toContain('response.completed');
    await until(() => busy.closed === 1, 'the end of the connection');
  });

  test('a connection whose answer had begun, and promised to keep it, takes one more request', async () => {
    const { script, open } = heldAnswer();
    await using scene = await openScene({ script });
    await using busy = new KeptConnection(scene.bridge.url);
    const begun = await busy.post();
    expect(begun.headers.connection).toBe('keep-alive');
    void scene.bridge.drain(LONG);
    open();
    expect(await textIn(begun)).toContain('response.completed');
    const next = await busy.post();
    expect(next.headers.connection).toBe('close');
    expect(await textIn(next)).toContain('response.completed');
    await until(() => busy.closed === 1, 'the end of the connection');
    expect(busy.opened).toBe(1);
  });
});

describe('when the delay is over', () => {
  test('such a connection takes one more request all the same, and the drain waits for it', async () => {
    const { script, open } = heldAnswer();
    const last = gate();
    await using scene = await openScene({
      script: ({ number }) => (number === 1 ? script : [{ until: last.promise }, { text: 'the last one' }]),
      settings: { partingMs: 60_000 },
    });
    await using busy = new KeptConnection(scene.bridge.url);
    const begun = await busy.post();
    let isOver = false;
    const drained = scene.bridge.drain().then(() => (isOver = true));
    await firstRefusal(scene);
    open();
    expect(await textIn(begun)).toContain('response.completed');
    const asked = busy.post();
    await until(() => scene.provider.requests.length === 2, 'the request at the provider');
    expect(isOver).toBe(false);
    last.open();
    const next = await asked;
    expect([next.statusCode, next.headers.connection]).toEqual([200, 'close']);
    expect(await textIn(next)).toContain('response.completed');
    await within(drained, 'the end of the drain');
    expect(busy.opened).toBe(1);
  });

  test('it is closed when none comes, and what comes behind its end reaches no provider', async () => {
    const { script, open } = heldAnswer();
    const others = heldAnswer();
    await using scene = await openScene({
      script: ({ number }) => (number === 1 ? script : others.script),
    });
    const head = `POST /v1/responses HTTP/1.1\r\nHost: a\r\nContent-Length: ${String(BODY.length)}\r\n\r\n`;
    const client = connect({ port: scene.bridge.port, host: '127.0.0.1', allowHalfOpen: true });
    let text = '';
    client.on('data', (data: Buffer) => (text += data.toString()));
    let isGone = false;
    client.on('error', () => (isGone = true)); // nobody reads what it writes
    client.write(head + BODY);
    await until(() => text.includes('response.created'), 'the answer to begin');
    // holds the drain, and with it the process
    const other = await scene.connect();
    other.create({ model: 'm' });
    await until(() => scene.provider.requests.length === 2, 'the other turn');
    const drained = scene.bridge.drain();
    await firstRefusal(scene);
    const ended = once(client, 'end');
    open();
    await within(ended, 'the end of the connection');
    expect(text).toContain('response.completed');
    client.write(head + BODY);
    await until(() => {
      if (!isGone) client.write('P');
      return isGone;
    }, 'the bridge to let go of the connection');
    expect(scene.provider.requests).toHaveLength(2);
    others.open();
    await within(drained, 'the end of the drain');
  });
});
