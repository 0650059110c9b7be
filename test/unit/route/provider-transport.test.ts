/** By which transport a provider is reached: what is written, what it compiles to, and what is said of it. */
import { describe, expect, test } from '@jest/globals';
import { chatGptBasePath } from '../../../src/route/chatgpt-path.ts';
import { formatPath } from '../../../src/route/problem.ts';
import { compileText, snapshotOf } from './compile-text.ts';

/** The one provider of a route, compiled. @param fields YAML within braces. */
function providerOf(fields: string) {
  return snapshotOf(`spec: { providers: [{ name: a, ${fields} }] }`).routes[0]?.providers[0];
}

/** What is said of a spec; YAML within braces. */
function saidOf(spec: string): readonly string[] {
  return compileText(`spec: { ${spec} }`).problems.map(
    ({ severity, path }) => `${severity} ${formatPath(path)}`,
  );
}

describe('a url that begins with', () => {
  test.each([
    ['https://', 'https://a.example.com', 'Auto'],
    ['http://', 'http://a.example.com', 'Auto'],
    ['wss://', 'https://a.example.com', 'WebSocket'],
    ['WSS://', 'https://a.example.com', 'WebSocket'],
    ['ws://', 'http://a.example.com', 'WebSocket'],
  ])('%s is %s by transport %s', (scheme, origin, transport) => {
    expect(providerOf(`url: '${scheme}A.example.com/v1/'`)).toMatchObject({
      origin,
      basePath: '/v1',
      transport,
    });
  });

  test.each([
    ['wss://a.example.com:443', 'https://a.example.com'],
    ['ws://a.example.com:80', 'http://a.example.com'],
    ['wss://a.example.com:80', 'https://a.example.com:80'],
    ['wss://[2001:DB8::1]:8443', 'https://[2001:db8::1]:8443'],
  ])('ws or wss keeps its port: %s is %s', (url, origin) => {
    expect(providerOf(`url: '${url}/v1'`)?.origin).toBe(origin);
  });

  test('wss means WebSocket also where that is written', () => {
    expect(providerOf("url: 'wss://a.example.com/v1', transport: WebSocket")?.transport).toBe('WebSocket');
  });
});

test.each(['Auto', 'HTTP', 'WebSocket'])('transport %s is what counts for a url with https', (transport) => {
  expect(providerOf(`url: 'https://a.example.com/v1', transport: ${transport}`)?.transport).toBe(transport);
});

describe('what is written of a WebSocket and of health counts', () => {
  test('in the units of the snapshot', () => {
    const provider = providerOf(`
      url: 'https://a.example.com/v1', weight: 0, capabilities: [Steer, Lanes, Inject, Interrupt],
      limits: { maxWebSocketMessageBytes: 4194304, maxConnectionAgeSeconds: 1380 },
      health: { consecutiveFailures: 7, ejectionSeconds: 8, maxEjectionSeconds: 8 }
    `);
    expect(provider).toMatchObject({
      weight: 0,
      capabilities: new Set(['Lanes', 'Steer', 'Inject', 'Interrupt']),
      limits: { maxWebSocketMessageBytes: 4_194_304, maxConnectionAgeMs: 1_380_000 },
      health: { consecutiveFailures: 7, ejectionMs: 8000, maxEjectionMs: 8000 },
    });
  });

  test.each([
    ['transport: HTTP', []],
    ['dialect: Compatible', []],
    ['dialect: Compatible, transport: WebSocket', ['Steer']],
    ['dialect: ChatGPT', ['Steer']],
  ])('with %s the capabilities are %j', (fields, capabilities) => {
    const provider = providerOf(`url: 'https://a.example.com/v1', capabilities: [Steer], ${fields}`);
    expect(provider?.capabilities).toEqual(new Set(capabilities));
  });
});

test('failover and relayed WebSockets are those that are written', () => {
  const text = (fields: string) =>
    snapshotOf(`spec: { providers: [{ name: a, url: 'https://a.example.com' }], ${fields} }`).routes[0];
  expect(text('failover: { causes: [RateLimited], maxAttempts: 5 }')?.failover).toEqual({
    causes: new Set(['RateLimited']),
    maxAttempts: 5,
  });
  expect(text('failover: { causes: [] }')?.failover.causes).toEqual(new Set());
  expect(text('relay: { webSocketPaths: [/audio/*] }')?.relay.webSocketPaths).toEqual(['/audio/*']);
  expect(text('relay: { webSocketPaths: [] }')?.relay.webSocketPaths).toEqual([]);
});

describe('the backend of ChatGPT logins', () => {
  test.each([
    ['https://chatgpt.com', '/backend-api/codex'],
    ['https://chatgpt.com/', '/backend-api/codex'],
    ['https://chatgpt.com/v1', '/backend-api/codex'],
    ['https://chatgpt.com/backend-api', '/backend-api/codex'],
    ['https://chatgpt.com/backend-api/v1', '/backend-api/codex'],
    ['https://chatgpt.com/backend-api/codex', '/backend-api/codex'],
    ['https://chatgpt.com/backend-api/codex/v1/', '/backend-api/codex'],
    ['wss://chatgpt.com/backend-api', '/backend-api/codex'],
    ['https://chat.openai.com', '/backend-api/codex'],
    ['https://gateway.example.com/chat/backend-api', '/chat/backend-api/codex'],
    ['https://gateway.example.com/backend-api/codex/v1', '/backend-api/codex'],
    ['https://gateway.example.com/v1', '/v1'],
    ['https://gateway.example.com', ''],
  ])('%s has the base path %s', (url, basePath) => {
    expect(providerOf(`url: '${url}', dialect: ChatGPT`)?.basePath).toBe(basePath);
  });

  test('has it for its own dialect only', () => {
    expect(providerOf("url: 'https://chatgpt.com/backend-api'")?.basePath).toBe('/backend-api');
  });

  test('a path that is normal stays as it is', () => {
    expect(chatGptBasePath('gateway.test', '/backend-apis/v1')).toBe('/backend-apis/v1');
    expect(chatGptBasePath('gateway.test', '/team/backend-api/v1')).toBe('/team/backend-api/codex');
    const path = chatGptBasePath('chatgpt.com', '');
    expect(chatGptBasePath('chatgpt.com', path)).toBe(path);
  });
});

describe('nothing is said of what may be meant', () => {
  const provider = (name: string, fields = '') =>
    `{ name: ${name}, url: 'https://${name}.example.com/v1'${fields} }`;
  test.each([
    [
      'an older route that lists a priority',
      `providers: [${provider('a')}, ${provider('b', ', priority: 1')}]`,
    ],
    ['equal providers', `providers: [${provider('a', ', weight: 3')}, ${provider('b', ', weight: 0')}]`],
    [
      'providers of different models without failover',
      `providers: [${provider('a', ', models: [a]')}, ${provider('b', ', models: [b]')}], failover: { causes: [] }`,
    ],
    [
      'logins beside keys, of which neither can take the other’s turns',
      `providers: [{ name: c, url: 'https://chatgpt.com', dialect: ChatGPT }, ${provider('b', ', priority: 1')}], failover: { maxAttempts: 1 }`,
    ],
    [
      'one gateway for logins and for keys',
      `providers: [${provider('a', ', dialect: ChatGPT')}, { name: b, url: 'https://a.example.com/v1' }]`,
    ],
    [
      'ids that pass through, where a second provider is for failover only',
      `providers: [${provider('a')}, ${provider('b', ', priority: 1')}], continuation: { mode: Provider }`,
    ],
    [
      'a memory beside WebSockets, where it is asked for',
      `providers: [${provider('a', ', transport: WebSocket')}], continuation: { mode: Transcript, maxBytesPerConnection: 2048 }`,
    ],
    [
      'a memory where HTTP is possible',
      `providers: [${provider('a')}], continuation: { maxBytesPerConnection: 2048 }`,
    ],
    [
      'a repaired dialect by WebSocket, with its limits',
      `providers: [${provider('a', ', dialect: Compatible, transport: WebSocket, limits: { maxConnectionAgeSeconds: 60 }')}]`,
    ],
    [
      'relayed WebSockets of a repaired dialect',
      `providers: [${provider('a', ', dialect: Compatible')}], relay: { webSocketPaths: [/audio] }`,
    ],
    [
      'relayed WebSockets by default, where there is only HTTP',
      `providers: [${provider('a', ', transport: HTTP')}]`,
    ],
    [
      'no relayed WebSocket',
      `providers: [${provider('a', ', transport: HTTP')}], relay: { webSocketPaths: [] }`,
    ],
    ['HTTP/2 beside WebSockets', `providers: [${provider('a', ', http: HTTP2')}]`],
    [
      'a first rest that is the longest',
      `providers: [${provider('a', ', health: { ejectionSeconds: 300 }')}]`,
    ],
  ])('%s', (_, spec) => {
    expect(saidOf(spec)).toEqual([]);
  });
});

describe('a key of the bridge at the backend of ChatGPT logins', () => {
  const said = (headers: string) =>
    compileText(
      `spec:
        clients: { auth: { type: None } }
        providers:
          - name: c
            url: https://chatgpt.com
            dialect: ChatGPT
            auth: { type: APIKey, secretRef: { name: login } }
            headers: { ${headers} }`,
      { 'default/login': { apiKey: 'k' } },
    ).problems.map(({ message }) => message);

  test.each(['set', 'add'])('is what is meant where headers.%s names its account', (list) => {
    expect(said(`${list}: [{ name: chatgpt-account-id, value: a }]`)).toEqual([]);
  });

  test('is warned of where nothing names one, and that is among the cures', () => {
    expect(said('set: [{ name: x-team, value: a }]')).toEqual([
      'dialect ChatGPT is for logins that clients bring, and with auth APIKey none is passed on; write auth: {type: Passthrough}, set chatgpt-account-id in headers.set where the key is that of one login, or dialect: OpenAI where a key is spent',
    ]);
  });
});

describe('a broken field is told once', () => {
  test.each([
    ['a url of no provider', "url: 'wss://k@a.example.com', transport: HTTP", 'url'],
    ['a transport that there is not', "url: 'wss://a.example.com', transport: Pigeon", 'transport'],
    [
      'a rest that is no number',
      "url: 'https://a.example.com', health: { ejectionSeconds: x }",
      'health.ejectionSeconds',
    ],
    ['a weight below none', "url: 'https://a.example.com', weight: -1", 'weight'],
    ['capabilities as text', "url: 'https://a.example.com', capabilities: Lanes", 'capabilities'],
  ])('%s', (_, fields, path) => {
    expect(saidOf(`providers: [{ name: a, ${fields} }]`)).toEqual([`error spec.providers[0].${path}`]);
  });
});
