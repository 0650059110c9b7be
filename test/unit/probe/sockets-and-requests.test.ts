import { afterEach, describe, expect, test } from '@jest/globals';
import { httpTurn } from '../../../src/probe/http-turn.ts';
import type { ProbeEvent } from '../../../src/probe/probe-event.ts';
import { ProbeFault, withTimeout } from '../../../src/probe/probe-fault.ts';
import { describeFault, remedyFor, type Tried } from '../../../src/probe/remedy.ts';
import { openResponsesSocket, type ResponsesSocket } from '../../../src/probe/responses-socket.ts';
import { toCreateFrame, toHttpBody } from '../../../src/probe/turn-request.ts';
import { closedUrl } from '../../harness/nowhere.ts';
import {
  type Behaviour,
  type FakeDeployment,
  goodAnswer,
  refuse,
  sendJson,
  startFakeDeployment,
} from './fake-deployment.ts';

const FOREVER = new AbortController().signal;
const REQUEST = { model: 'gpt-5.5', text: 'hello' };

let fake: FakeDeployment | undefined;
let socket: ResponsesSocket | undefined;

afterEach(async () => {
  await socket?.close();
  await fake?.close();
  socket = undefined;
  fake = undefined;
});

async function start(behaviour: Behaviour = {}): Promise<FakeDeployment> {
  fake = await startFakeDeployment(behaviour);
  return fake;
}

async function open(behaviour: Behaviour = {}, signal = FOREVER): Promise<ResponsesSocket> {
  const { url } = await start(behaviour);
  socket = await openResponsesSocket({
    url: new URL(`${url.replace('http', 'ws')}/responses`),
    key: 'k1',
    signal,
  });
  return socket;
}

async function all(events: AsyncIterable<ProbeEvent>): Promise<string[]> {
  const types: string[] = [];
  for await (const { type } of events) types.push(type);
  return types;
}

/** The fault that something ends with, as a person reads it. */
async function faultOf(what: Promise<unknown>, tried: Tried = 'upgrade') {
  const fault = await what.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(fault instanceof ProbeFault)) throw new Error(`a fault was expected, not ${String(fault)}`);
  return { code: fault.code, saw: describeFault(fault), change: remedyFor(fault, tried) ?? '' };
}

const GOOD_TYPES = goodAnswer('x').map(({ type }) => type);

describe('over a socket', () => {
  test('a turn yields its events, the last of which ends it', async () => {
    const opened = await open();
    expect(await all(opened.turn(toCreateFrame(REQUEST), FOREVER))).toEqual(GOOD_TYPES);
    expect(opened.protocol).toBe('');
    expect(fake?.frames).toEqual([
      {
        type: 'response.create',
        model: 'gpt-5.5',
        input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hello' }] }],
        store: false,
      },
    ]);
    expect(fake?.requests[0]?.headers).toMatchObject({
      authorization: 'Bearer k1',
      'user-agent': 'turnbridge/probe',
    });
  });

  test('many more events than are kept unread all arrive, in order', async () => {
    const opened = await open({
      frame: (_frame, ws) => {
        for (let i = 0; i < 5000; i += 1)
          sendJson(ws, { type: 'response.output_text.delta', delta: String(i) });
        sendJson(ws, { type: 'response.completed', response: { id: 'r' } });
        return true;
      },
    });
    let next = 0;
    for await (const { json, type } of opened.turn(toCreateFrame(REQUEST), FOREVER)) {
      if (type === 'response.completed') break;
      expect((json as { delta: string }).delta).toBe(String(next));
      next += 1;
    }
    expect(next).toBe(5000);
  });

  test('a frame that comes together with the 101 is not lost', async () => {
    const opened = await open({ opened: (ws) => sendJson(ws, { type: 'codex.rate_limits' }) });
    expect(await opened.receive(FOREVER)).toMatchObject({ event: { type: 'codex.rate_limits' } });
  });

  test('a close in the middle of a turn is told with its code and reason', async () => {
    const opened = await open({
      frame: (_frame, ws) => {
        sendJson(ws, { type: 'response.created', response: { id: 'r' } });
        ws.close(1012, 'restart');
        return true;
      },
    });
    const fault = await faultOf(all(opened.turn(toCreateFrame(REQUEST), FOREVER)));
    expect(fault.saw).toBe('the connection was closed with 1012 (restart) before the turn ended');
    expect(fault.change).toMatch(/restarting/);
  });

  test('a cut connection is told as one without a close frame', async () => {
    const opened = await open({ frame: (_frame, ws) => (ws.terminate(), true) });
    const fault = await faultOf(all(opened.turn(toCreateFrame(REQUEST), FOREVER)));
    expect(fault.saw).toMatch(/closed without a close frame/);
    expect(fault.change).toMatch(/time-out/);
  });

  test('silence ends with the time that was allowed', async () => {
    const opened = await open({ frame: () => true });
    const turn = all(opened.turn(toCreateFrame(REQUEST), withTimeout(FOREVER, 20)));
    expect((await faultOf(turn)).saw).toMatch(/no event within/);
    expect(opened.isOpen).toBe(true);
  });

  test('pings of the far side are counted, and ours are answered', async () => {
    const opened = await open({ opened: (ws) => ws.ping() });
    expect(await opened.ping(FOREVER)).toBeGreaterThan(0);
    expect(opened.pingsSeen).toBe(1);
  });

  test('an upgrade without an answer ends with the time that was allowed', async () => {
    const fault = await faultOf(open({ upgrade: () => true }, withTimeout(FOREVER, 20)));
    expect(fault.saw).toMatch(/no answer to the upgrade within/);
  });

  test.each([
    ['401 Unauthorized', '{"error":{"message":"unknown key"}}', /refused with 401: unknown key/, /--key/],
    ['404 Not Found', '{"error":{"message":"no route"}}', /404: no route/, /hostnames and match\.paths/],
    ['426 Upgrade Required', '{}', /426/, /clients\.webSocket of the route to Enabled/],
    ['503 Service Unavailable', '', /503$/, /come again after 1 s; the bridge is starting, draining/],
    ['502 Bad Gateway', '<html>nginx</html>', /502: <html>nginx/, /ingress does not reach/],
    ['200 OK', 'hello', /200: hello/, /proxy_set_header Upgrade/],
    ['308 Permanent Redirect', '', /308$/, /use https:\/\/other\.example\/v1\/responses instead/],
  ])('an upgrade refused with %s is told with what to change', async (status, body, saw, change) => {
    const headers = ['retry-after: 1', 'location: https://other.example/v1/responses?secret=1'];
    const fault = await faultOf(open({ upgrade: (_request, raw) => refuse(raw, status, body, headers) }));
    expect(fault.code).toBe('refused');
    expect(fault.saw).toMatch(saw);
    expect(fault.change).toMatch(change);
    expect(fault.change).not.toMatch(/secret/);
  });

  test('an upgrade that is answered wrongly is told apart from one that is refused', async () => {
    const answer =
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: no\r\n\r\n';
    const fault = await faultOf(open({ upgrade: (_request, raw) => (raw.write(answer), true) }));
    expect(fault.code).toBe('bad_answer');
  });

  test('nobody there is told with what to start', async () => {
    const url = new URL(`${closedUrl.replace('http', 'ws')}/v1/responses`);
    const fault = await faultOf(openResponsesSocket({ url, signal: FOREVER }));
    expect(fault.saw).toMatch(/no connection to 127\.0\.0\.1:\d+ \(ECONNREFUSED\)/);
    expect(fault.change).toMatch(/start the bridge/);
  });
});

describe('over HTTP', () => {
  const post = async (behaviour: Behaviour = {}, signal = FOREVER) => {
    const { url } = await start(behaviour);
    return httpTurn({ url: new URL(`${url}/responses`), key: 'k1', body: toHttpBody(REQUEST), signal });
  };

  test('a turn yields its events, the last of which ends it', async () => {
    expect(await all(await post())).toEqual(GOOD_TYPES);
    expect(fake?.requests[0]?.headers).toMatchObject({
      authorization: 'Bearer k1',
      accept: 'text/event-stream',
      'content-type': 'application/json',
    });
  });

  test('events that arrive cut anywhere are put together', async () => {
    const stream = Buffer.from(
      goodAnswer('r', 'pöng ✓')
        .map((event) => `event: x\r\ndata: ${JSON.stringify(event)}\r\n\r\n`)
        .join(''),
    );
    const events = await post({
      request: (_request, response) => {
        response.setHeader('content-type', 'text/event-stream; charset=utf-8');
        for (const byte of stream) response.write(Buffer.of(byte));
        response.end();
        return true;
      },
    });
    const deltas: unknown[] = [];
    for await (const { json } of events) deltas.push((json as { delta?: string }).delta);
    expect(deltas.join('')).toBe('pöng ✓');
  });

  test('a stream that ends without a terminal event is a fault, and so is one that breaks off', async () => {
    const cut = (end: (response: { end(): unknown; destroy(): unknown }) => void): Behaviour => ({
      request: (_request, response) => {
        response.setHeader('content-type', 'text/event-stream');
        response.write('data: {"type":"response.created"}\n\n', () => end(response));
        return true;
      },
    });
    expect((await faultOf(all(await post(cut((response) => response.end()))))).saw).toMatch(
      /ended without an event/,
    );
    await fake?.close();
    expect((await faultOf(all(await post(cut((response) => response.destroy()))))).saw).toMatch(/broke off/);
  });

  test('a refusal is told with its message', async () => {
    const events = await post({
      request: (_request, response) => {
        response.writeHead(401).end('{"error":{"message":"unknown key"}}');
        return true;
      },
    });
    const fault = await faultOf(all(events), 'request');
    expect(fault.saw).toBe('the request was refused with 401: unknown key');
    expect(fault.change).toMatch(/--key/);
  });

  test('a page where a stream was asked for is not taken for an answer', async () => {
    const events = await post({
      request: (_request, response) => {
        response.setHeader('content-type', 'text/html').end('<html></html>');
        return true;
      },
    });
    expect((await faultOf(all(events))).saw).toBe(
      'a stream was asked for, the answer is text/html: an HTML page',
    );
  });

  test('silence ends with the time that was allowed', async () => {
    const events = await post({ request: () => true }, withTimeout(FOREVER, 20));
    expect((await faultOf(all(events))).code).toBe('timeout');
  });
});
