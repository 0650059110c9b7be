/** The official OpenAI SDK's realtime client, whose WebSocket the bridge passes on. It speaks TLS or nothing. */
import { beforeAll, expect, test } from '@jest/globals';
import { fakeProvider } from '../harness/fake-provider.ts';
import { routeTo, startBridge } from '../harness/bridge.ts';
import { within } from '../harness/wait-for.ts';
import { ca, good, mountPair } from '../protocol/tls-scene.ts';
import { useClients } from './use-clients.ts';

type Constructor<Instance> = new (...args: readonly unknown[]) => Instance;

/** `OpenAIRealtimeWS`: connects in its constructor. */
interface RealtimeSocket {
  send(event: Readonly<Record<string, unknown>>): void;
  close(): void;
  on(name: 'event', listener: (event: Readonly<Record<string, unknown>>) => void): unknown;
  on(name: 'error', listener: (error: Error) => void): unknown;
  readonly socket: { on(name: 'close', listener: (code: number) => void): unknown };
}

let OpenAI: Constructor<object>;
let OpenAIRealtimeWS: Constructor<RealtimeSocket>;
useClients();
beforeAll(async () => {
  const load = async (path: string): Promise<unknown> =>
    import(new URL(`node_modules/openai/${path}`, import.meta.url).href);
  ({ OpenAI } = (await load('index.mjs')) as { OpenAI: typeof OpenAI });
  ({ OpenAIRealtimeWS } = (await load('realtime/ws.mjs')) as { OpenAIRealtimeWS: typeof OpenAIRealtimeWS });
});

test('a realtime session has the provider’s greeting, events both ways, and a normal close', async () => {
  const greeting = '{"type":"session.created","event_id":"e-1","session":{}}';
  await using provider = await fakeProvider('hello', { webSocket: { greeting } });
  await using pair = await mountPair(good);
  await using bridge = await startBridge({
    tlsFolder: pair.path,
    routes: routeTo(provider.url, {
      clients: {},
      provider: { transport: 'Auto', auth: { type: 'Passthrough' } },
    }),
  });
  const client = new OpenAI({ apiKey: 'client-key', baseURL: bridge.url });
  const realtime = new OpenAIRealtimeWS({ model: 'gpt-realtime', options: { ca } }, client);
  const heard: unknown[] = [];
  const closed = new Promise<number>((resolve, reject) => {
    realtime.on('error', reject);
    realtime.socket.on('close', resolve);
  });
  const request = { type: 'response.create', event_id: 'e-2' };
  realtime.on('event', (event) => {
    heard.push(event);
    if (heard.length === 1) realtime.send(request);
    else realtime.close();
  });
  expect(await within(closed, 'the close')).toBe(1000);
  expect(heard).toEqual([JSON.parse(greeting), request]); // the provider is an echo
  expect(provider.handshakes).toMatchObject([
    { path: '/v1/realtime?model=gpt-realtime', headers: { authorization: 'Bearer client-key' } },
  ]);
});
