import { describe, expect, test } from '@jest/globals';
import { addressKind, hostKind } from '../../../src/route/host-kind.ts';

const LOCAL_NAMES = [
  'localhost',
  'api.localhost',
  'localhost.localdomain',
  'ip6-loopback',
  'metadata',
  'metadata.google.internal',
  'instance-data',
  '',
];
const LOCAL_ADDRESSES = [
  '0.0.0.0',
  '0.1.2.3',
  '127.0.0.1',
  '127.255.1.2',
  '169.254.1.1',
  '169.254.169.254',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '0:0:0:0:0:0:0:1',
  'fe80::1',
  'febf::1',
  'fec0::1',
  'ff02::1',
  'fd00:ec2::254',
  'fd20:ce::254',
];
const PRIVATE_NAMES = [
  'vllm',
  'vllm.models.svc',
  'vllm.models.svc.cluster.local',
  'vllm.models.svc.corp.example.com',
  'models.internal',
];
const PRIVATE_ADDRESSES = [
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.1',
  '192.168.1.1',
  '100.64.0.1',
  'fc00::1',
  'fd12:3456::1',
];
const PUBLIC_NAMES = ['api.openai.com', 'localhost.example.com', 'svc.example.com'];
const PUBLIC_ADDRESSES = [
  '1.1.1.1',
  '8.8.8.8',
  '126.255.255.255',
  '128.0.0.1',
  '169.253.0.1',
  '169.255.0.1',
  '172.15.0.1',
  '172.32.0.1',
  '2606:4700::1111',
  'fe00::1',
];

describe.each([
  ['local', LOCAL_NAMES, LOCAL_ADDRESSES],
  ['private', PRIVATE_NAMES, PRIVATE_ADDRESSES],
  ['public', PUBLIC_NAMES, PUBLIC_ADDRESSES],
] as const)('%s is', (kind, names, addresses) => {
  test.each(names)('the name %j', (name) => {
    expect(hostKind(name)).toBe(kind);
    expect(addressKind(name)).toBeUndefined();
  });

  test.each(addresses)('the address %s', (address) => {
    expect(hostKind(address)).toBe(kind);
    expect(addressKind(address)).toBe(kind);
  });

  test.each([...names, ...addresses])('%j in upper case, and with dots at its end', (host) => {
    expect(hostKind(host.toUpperCase())).toBe(kind);
    expect(hostKind(`${host}.`)).toBe(kind);
    expect(hostKind(`${host}...`)).toBe(kind);
  });

  test.each(addresses.filter((address) => address.includes(':')))(
    'the address %s in brackets, and with a zone',
    (address) => {
      for (const form of [`[${address}]`, `${address}%eth0`, `[${address}%25eth0]`, `${address}%1`]) {
        expect([form, hostKind(form)]).toEqual([form, kind]);
        expect([form, addressKind(form)]).toEqual([form, kind]);
      }
    },
  );

  test.each(addresses.filter((address) => address.includes('.')))(
    'the address %s inside an IPv6 address',
    (address) => {
      const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
      const groups = [(a << 8) | b, (c << 8) | d].map((group) => group.toString(16)).join(':');
      const forms = {
        mapped: [
          `::ffff:${address}`,
          `::ffff:${groups}`,
          `0:0:0:0:0:ffff:${groups}`,
          `::FFFF:${groups.toUpperCase()}`,
        ],
        compatible: [`::${address}`, `::${groups}`],
        translated: [`::ffff:0:${address}`, `::ffff:0:${groups}`],
        nat64: [`64:ff9b::${address}`, `64:ff9b::${groups}`, `64:ff9b:1::${groups}`],
        sixToFour: [`2002:${groups}::`, `2002:${groups}::1`, `2002:${groups}:1:2:3:4:5`],
      };
      for (const form of Object.values(forms).flat()) expect([form, hostKind(form)]).toEqual([form, kind]);
    },
  );
});

test.each([
  'http://0x7f.1/',
  'http://2130706433/',
  'http://127.1/',
  'http://127.0.0.1./',
  'http://[::FFFF:127.0.0.1]/',
  'http://LOCALHOST/',
])('%s is local once the URL class has read it', (url) => {
  expect(hostKind(new URL(url).hostname)).toBe('local');
});
