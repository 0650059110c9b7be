import { openRawSocket } from '../harness/raw-http.ts';

export interface RawWishes {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An upgrade by hand, as no URL library would write it. */
export async function rawUpgrade(port: number, { path = '/v1/realtime', headers = {} }: RawWishes = {}) {
  const all = {
    host: 'localhost',
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const raw = await openRawSocket(port);
  raw.write(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
  return raw;
}
