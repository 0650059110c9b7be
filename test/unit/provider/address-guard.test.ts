import { describe, expect, test } from '@jest/globals';
import type { LookupFunction } from 'node:net';
import { guardedLookup, isForbiddenAddress, isForbiddenHost } from '../../../src/provider/address-guard.ts';

test.each([
  '127.0.0.1',
  '127.255.1.2',
  '0.0.0.0',
  '0.1.2.3',
  '169.254.169.254',
  '169.254.1.1',
  '100.100.100.200',
  '168.63.129.16',
  '224.0.0.1',
  '255.255.255.255',
  '::1',
  '[::1]',
  '::',
  '0:0:0:0:0:0:0:1',
  'fe80::1',
  'fe80::1%eth0',
  'febf::1',
  'ff02::1',
  'fd00:ec2::254',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '::ffff:169.254.169.254',
  '0:0:0:0:0:ffff:a9fe:a9fe',
  '::127.0.0.1',
  '::ffff:0:127.0.0.1',
  '64:ff9b::127.0.0.1',
  '64:ff9b::a9fe:a9fe',
  '2002:7f00:1::1',
  'not an address',
  '',
])('the address %s is refused', (address) => {
  expect(isForbiddenAddress(address)).toBe(true);
});

test.each([
  '10.0.0.1',
  '172.16.0.1',
  '192.168.1.1',
  '100.64.0.1',
  '1.1.1.1',
  '126.255.255.255',
  '128.0.0.1',
  '169.253.0.1',
  '2606:4700::1111',
  'fd12:3456::1',
  '::ffff:10.0.0.1',
  '64:ff9b::101:101',
  '2002:101:101::1',
])('the address %s may be dialled', (address) => {
  expect(isForbiddenAddress(address)).toBe(false);
});

test.each([
  'localhost',
  'LOCALHOST',
  'localhost.',
  'a.localhost',
  'metadata.google.internal',
  'metadata.google.internal.',
  'instance-data',
  '[::1]',
  '127.0.0.1',
  '',
])('the host %j is refused by name', (host) => {
  expect(isForbiddenHost(host)).toBe(true);
});

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
