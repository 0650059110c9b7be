import { describe, expect, test } from '@jest/globals';
import { groupOf, toHandshakeRecord, type HandshakeSource } from '../../../src/client/handshake-record.ts';
import { aRoute } from '../../harness/compiled-route.ts';
import { aGroup } from '../turn/turn-setup.ts';
import { headOf } from './heads.ts';

function recordOf(over: Partial<HandshakeSource>, address: 'truncated' | 'full' = 'truncated') {
  const source = {
    via: 'websocket' as const,
    startedAt: 5,
    head: headOf({}),
    address: '203.0.113.7',
    group: aGroup(),
    ...over,
  };
  return toHandshakeRecord(source, 'accepted', 101, address);
}

test('a record says who came, from where as far as it may be known, and how it was answered', () => {
  const head = headOf({
    'user-agent': 'codex_exec/0.169.0 (Linux; x86_64) a terminal (codex_exec; 0.169.0)',
    originator: 'codex_exec',
    traceparent: 'whatever it is',
  });
  expect(recordOf({ head, connectionId: 'c-1', tenant: 'team-a' })).toEqual({
    via: 'websocket',
    method: 'GET',
    result: 'accepted',
    status: 101,
    startedAt: 5,
    endedAt: expect.any(Number),
    route: '/v1/responses',
    clientKind: 'codex',
    userAgent: 'codex_exec/0.169.0',
    clientAddress: '203.0.113.0',
    connectionId: 'c-1',
    tenant: 'team-a',
    authMethod: 'none',
    clientTrace: { traceparent: 'whatever it is', tracestate: undefined },
    tracePolicy: 'Parent',
  });
});

test('a request that was refused before it was read has no more than its address', () => {
  expect(recordOf({ head: undefined, group: undefined })).toMatchObject({
    method: 'GET',
    route: undefined,
    clientKind: 'other',
    userAgent: undefined,
    clientAddress: '203.0.113.0',
    authMethod: undefined,
    clientTrace: undefined,
    // nobody said that this client is trusted
    tracePolicy: 'Ignore',
  });
});

test.each([
  ['203.0.113.7', '203.0.113.0'],
  ['::ffff:203.0.113.7', '203.0.113.0'],
  ['2001:db8:7:1::2', '2001:db8:7::'],
  ['2001:db8:7:1:2:3:4:5', '2001:db8:7::'],
  ['2001:db8::1', '2001:db8::'],
  ['::1', '::'],
  ['fe80::1%eth0', 'fe80::'],
  ['no address', ''],
])('of the address %s, %s is shown', (address, shown) => {
  expect(recordOf({ address }).clientAddress).toBe(shown);
});

test('the whole address only where the process was told so', () => {
  expect(recordOf({ address: '::ffff:203.0.113.7' }, 'full').clientAddress).toBe('203.0.113.7');
  expect(recordOf({ address: '2001:db8:7:1::2' }, 'full').clientAddress).toBe('2001:db8:7:1::2');
  expect(recordOf({ address: undefined }, 'full').clientAddress).toBeUndefined();
});

test.each([
  ['OpenAI/Python 2.1.0', 'OpenAI/Python'],
  ['codex_cli_rs/0.115.0-alpha.1+x (secret)', 'codex_cli_rs/0.115.0-alpha.1+x'],
  ['a person wrote this', undefined],
  ['secret', undefined],
  ['', undefined],
  [`${'x'.repeat(65)}/1`, undefined],
  [`x/${'1'.repeat(100)}`, `x/${'1'.repeat(63)}`],
])('of the user agent "%s", %p is shown', (agent, shown) => {
  expect(recordOf({ head: headOf({ 'user-agent': agent }) }).userAgent).toBe(shown);
});

describe('the group that was asked for', () => {
  const group = aGroup(aRoute());
  const snapshot = { groups: [group], closedHosts: new Set() } as unknown as NonNullable<
    Parameters<typeof groupOf>[0]
  >;

  test('is unknown without routes', () => {
    expect(groupOf(undefined, headOf({}))).toBeUndefined();
  });

  test('is found also where the request was refused', () => {
    expect(groupOf(snapshot, headOf({}, '/v1/responses?token=secret'))).toBe(group);
    expect(groupOf(snapshot, headOf({}, '/elsewhere'))).toBeUndefined();
  });
});
