import { describe, expect, test } from '@jest/globals';
import { TransportMemory } from '../../../src/turn/transport-memory.ts';
import { aProvider } from '../../harness/compiled-route.ts';
import { manualClock } from '../../harness/clock.ts';

const AUTO = aProvider({ transport: 'Auto' });
const LIMIT = AUTO.limits.maxWebSocketMessageBytes;

function openMemory() {
  const clock = manualClock(1_000);
  return { clock, memory: new TransportMemory(clock) };
}

describe('the transport of an attempt', () => {
  test.each([
    ['HTTP', 'OpenAI', 'http', 'configured'],
    ['WebSocket', 'OpenAI', 'websocket', 'configured'],
    ['WebSocket', 'Compatible', 'websocket', 'configured'],
    ['Auto', 'OpenAI', 'websocket', 'preferred'],
    ['Auto', 'ChatGPT', 'websocket', 'preferred'],
    ['Auto', 'Compatible', 'http', 'dialect'],
  ] as const)(
    'with transport %s and dialect %s is %s, because %s',
    (transport, dialect, expected, reason) => {
      const { memory } = openMemory();
      expect(memory.choose(aProvider({ transport, dialect }), 100)).toEqual({ transport: expected, reason });
    },
  );

  test('is HTTP for a frame beyond the limit of the provider, where it may be', () => {
    const { memory } = openMemory();
    expect(memory.choose(AUTO, LIMIT)).toEqual({ transport: 'websocket', reason: 'preferred' });
    expect(memory.choose(AUTO, LIMIT + 1)).toEqual({ transport: 'http', reason: 'too_large' });
    expect(memory.choose(aProvider({ transport: 'WebSocket' }), LIMIT + 1).transport).toBe('websocket');
  });

  test('is HTTP for five minutes after the upgrade was refused as unknown', () => {
    const { clock, memory } = openMemory();
    memory.lacks(AUTO, 'not_supported');
    clock.advance(299_999);
    expect(memory.choose(AUTO, 1)).toEqual({ transport: 'http', reason: 'not_supported' });
    clock.advance(1);
    expect(memory.choose(AUTO, 1)).toEqual({ transport: 'websocket', reason: 'preferred' });
  });

  test('is HTTP for a minute after an upgrade was not answered', () => {
    const { clock, memory } = openMemory();
    memory.lacks(AUTO, 'handshake_timeout');
    clock.advance(59_999);
    expect(memory.choose(AUTO, 1)).toEqual({ transport: 'http', reason: 'handshake_timeout' });
    clock.advance(1);
    expect(memory.choose(AUTO, 1)).toEqual({ transport: 'websocket', reason: 'preferred' });
  });

  test('is the WebSocket that is open and remembers the response, whatever became of others’ upgrades', () => {
    const { memory } = openMemory();
    memory.lacks(AUTO, 'not_supported');
    expect(memory.choose(AUTO, 1, true)).toEqual({ transport: 'websocket', reason: 'preferred' });
    expect(memory.choose(AUTO, LIMIT + 1, true)).toEqual({ transport: 'http', reason: 'too_large' });
  });

  test('is the WebSocket again once one was opened all the same', () => {
    const { memory } = openMemory();
    memory.lacks(AUTO, 'not_supported');
    memory.served(AUTO, false);
    expect(memory.choose(AUTO, 1).transport).toBe('http');
    memory.served(AUTO, true);
    expect(memory.choose(AUTO, 1).transport).toBe('websocket');
  });

  test('is not changed by one client’s 400 while the WebSocket has served within five minutes', () => {
    const { clock, memory } = openMemory();
    memory.served(AUTO, false);
    clock.advance(299_999);
    memory.lacks(AUTO, 'bad_request');
    expect(memory.choose(AUTO, 1).transport).toBe('websocket');
    clock.advance(1);
    memory.lacks(AUTO, 'bad_request');
    expect(memory.choose(AUTO, 1)).toEqual({ transport: 'http', reason: 'not_supported' });
  });

  test('stays what a route says, whatever is remembered', () => {
    const { memory } = openMemory();
    memory.lacks(AUTO, 'not_supported');
    expect(memory.choose(aProvider({ transport: 'WebSocket' }), 1).transport).toBe('websocket');
  });

  test.each([
    ['name', { name: 'other' }],
    ['host', { origin: 'https://other.test' }],
    ['base', { basePath: '/v2' }],
    ['query', { query: 'api-version=2' }],
  ])('is remembered for one provider and URL: not for another %s', (_what, changes) => {
    const { memory } = openMemory();
    memory.lacks(AUTO, 'not_supported');
    expect(memory.choose(aProvider({ transport: 'Auto', ...changes }), 1).transport).toBe('websocket');
  });
});

describe('what is remembered', () => {
  test('is listed with the time that is left, and without a query', () => {
    const { clock, memory } = openMemory();
    memory.lacks(aProvider({ transport: 'Auto', query: 'sig=abc' }), 'not_supported');
    clock.advance(100_000);
    expect(memory.list()).toEqual([{ provider: 'openai', url: 'https://provider.test/v1', forMs: 200_000 }]);
    clock.advance(200_000);
    expect(memory.list()).toEqual([]);
  });

  test('is at most 1,024 URLs: the oldest goes', () => {
    const { memory } = openMemory();
    const at = (index: number) => aProvider({ transport: 'Auto', basePath: `/v${index}` });
    for (let i = 0; i < 1_024; i++) memory.lacks(at(i), 'not_supported');
    memory.lacks(at(0), 'not_supported'); // told anew: no longer the oldest
    memory.lacks(at(2_000), 'not_supported');
    expect(memory.list()).toHaveLength(1_024);
    expect(memory.choose(at(0), 1).transport).toBe('http');
    expect(memory.choose(at(1), 1).transport).toBe('websocket');
  });
});
