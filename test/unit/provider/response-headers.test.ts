import { expect, test } from '@jest/globals';
import { toClientHeaders, toRelayHeaders } from '../../../src/provider/response-headers.ts';
import { providerAt, routeTo } from './provider-setup.ts';

const route = (response: { allow?: string[]; deny?: string[] } = {}) =>
  routeTo(providerAt('https://api.example.com'), { response });

const SAFE = {
  'x-request-id': 'r',
  'retry-after': '1',
  'retry-after-ms': '1000',
  'x-ratelimit-remaining-tokens': '5',
  'x-codex-primary-used-percent': '7',
  'openai-processing-ms': '3',
  'openai-version': '2020-10-01',
  'x-models-etag': 'e',
  'x-reasoning-included': 'true',
};

test('what helps a client passes, nothing else', () => {
  const other = {
    server: 'x',
    date: 'now',
    'content-type': 'a/b',
    'set-cookie': ['a=b'],
    'openai-model': 'm',
  };
  expect(toClientHeaders({ ...SAFE, ...other }, route())).toEqual({ headers: SAFE, turnState: undefined });
});

test('the turn state comes apart from the headers', () => {
  expect(toClientHeaders({ 'x-codex-turn-state': 's' }, route())).toEqual({ headers: {}, turnState: 's' });
  expect(toClientHeaders({ 'x-codex-turn-state': 's' }, route({ deny: ['x-codex-turn-state'] }))).toEqual({
    headers: {},
    turnState: undefined,
  });
});

test('the route adds names and denies names; repeated values are joined', () => {
  const headers = { 'x-team': 'a', 'x-request-id': 'r', 'set-cookie': ['a=b', 'c=d'] };
  expect(
    toClientHeaders(headers, route({ allow: ['x-team', 'set-cookie'], deny: ['x-request-id'] })).headers,
  ).toEqual({
    'x-team': 'a',
    'set-cookie': 'a=b, c=d',
  });
});

test('openai-model and what belongs to the connection never pass', () => {
  const headers = {
    'openai-model': 'm',
    connection: 'x-hop, close',
    'x-hop': 'h',
    'keep-alive': 'timeout=5',
    'transfer-encoding': 'chunked',
    'content-length': '4',
    'content-encoding': 'gzip',
    upgrade: 'h2c',
    'x-turnbridge-x': 'y',
    'sec-websocket-accept': 'z',
    'http2-settings': 's',
    'content-type': 'text/plain',
  };
  expect(toClientHeaders(headers, route({ allow: Object.keys(headers) })).headers).toEqual({});
});

test('values that cannot be written are dropped', () => {
  const headers = { 'x-request-id': 'a\u0001', 'x-codex-turn-state': 'b\r\nc: d', etag: '"\u0000"' };
  expect(toClientHeaders(headers, route())).toEqual({ headers: {}, turnState: undefined });
  expect(toRelayHeaders(headers, route())).toEqual({});
});

test('a relayed answer keeps what describes its body, unless that is denied', () => {
  const headers = {
    'content-type': 'application/json',
    etag: '"1"',
    'openai-model': 'm',
    'x-request-id': 'r',
  };
  expect(toRelayHeaders(headers, route())).toEqual({
    'content-type': 'application/json',
    etag: '"1"',
    'x-request-id': 'r',
  });
  expect(toRelayHeaders(headers, route({ deny: ['etag'] }))).toEqual({
    'content-type': 'application/json',
    'x-request-id': 'r',
  });
});
