import { describe, expect, test } from '@jest/globals';
import type { LookupFunction } from 'node:net';
import { guardedLookup, isForbiddenAddress, isForbiddenHost } from '../../../src/provider/address-guard.ts';

test.each([
  '127.0.0.1',
  'fe80::1%eth0',
  '::ffff:169.254.169.254',
  '64:ff9b::a9fe:a9fe',
  '2002:7f00:1::1',
  'api.openai.com',
  'not an address',
  '',
])('the address %j is refused', (address) => {
  expect(isForbiddenAddress(address)).toBe(true);
});

test.each(['10.0.0.1', '1.1.1.1', 'fd12:3456::1', '::ffff:10.0.0.1', '2002:101:101::1'])(
  'the address %s may be dialled',
  (address) => {
    expect(isForbiddenAddress(address)).toBe(false);
  },
);

test.each(['localhost', 'METADATA.google.internal.', '[::1]', '127.0.0.1', ''])(
  'the host %j is refused by name',
  (host) => {
    expect(isForbiddenHost(host)).toBe(true);
  },
);

test.each(['api.openai.com', 'localhost.example.com', 'vllm.models.svc', '10.0.0.1', '[fd12::1]'])(
  'the host %s is not',
  (host) => {
    expect(isForbiddenHost(host)).toBe(false);
  },
);

describe('after DNS', () => {
  const resolve = (lookup: LookupFunction, all: boolean) =>
    new Promise<unknown>((done) => {
      guardedLookup(lookup)('name.example.com', { all }, (error, address) => done(error ?? address));
    });

  test('a sound answer passes as it is', async () => {
    const addresses = [{ address: '10.0.0.1', family: 4 }];
    expect(await resolve((_host, _options, callback) => callback(null, addresses), true)).toBe(addresses);
    expect(await resolve((_host, _options, callback) => callback(null, '10.0.0.1', 4), false)).toBe(
      '10.0.0.1',
    );
  });

  test('one forbidden address among several refuses the name', async () => {
    const addresses = [
      { address: '10.0.0.1', family: 4 },
      { address: '::ffff:127.0.0.1', family: 6 },
    ];
    expect(await resolve((_host, _options, callback) => callback(null, addresses), true)).toMatchObject({
      code: 'TURNBRIDGE_ADDRESS_REFUSED',
    });
    expect(await resolve((_host, _options, callback) => callback(null, '127.0.0.1', 4), false)).toMatchObject(
      {
        code: 'TURNBRIDGE_ADDRESS_REFUSED',
      },
    );
  });

  test('a name that is not found stays not found', async () => {
    const error = Object.assign(new Error('no'), { code: 'ENOTFOUND' });
    expect(await resolve((_host, _options, callback) => callback(error, ''), true)).toBe(error);
  });
});
