import { describe, expect, test } from '@jest/globals';
import { isForbiddenHost } from '../../../src/provider/address-guard.ts';
import { hostKind } from '../../../src/route/host-kind.ts';

const LOCAL = [
  'localhost',
  'localhost.',
  'api.localhost',
  'ip6-loopback',
  'metadata.google.internal',
  '127.0.0.1',
  '127.255.0.1',
  '0.0.0.0',
  '169.254.169.254',
  '100.100.100.200',
  '168.63.129.16',
  '[::1]',
  '[::]',
  '[fe80::1]',
  '[fd00:ec2::254]',
  '[::ffff:7f00:1]',
  '[::ffff:a9fe:a9fe]',
  '[::7f00:1]',
  '[::ffff:0:7f00:1]',
  '[64:ff9b::7f00:1]',
  '[64:ff9b::a9fe:a9fe]',
  '[2002:7f00:1::]',
  '[2002:a9fe:a9fe::1]',
];
const PRIVATE = [
  'vllm',
  'vllm.models.svc',
  'vllm.models.svc.cluster.local',
  'vllm.models.svc.corp.example.com',
  'models.internal',
  '10.0.0.1',
  '172.31.255.1',
  '192.168.1.1',
  '100.64.0.1',
  '[fd12::1]',
];
const PUBLIC = [
  'api.openai.com',
  'localhost.example.com',
  'svc.example.com',
  '8.8.8.8',
  '172.32.0.1',
  '[2606:4700::1]',
  '[::ffff:808:808]',
];

describe.each([
  ['local', LOCAL],
  ['private', PRIVATE],
  ['public', PUBLIC],
])('%s', (kind, hosts) => {
  test.each(hosts)('%s', (host) => {
    expect(hostKind(host)).toBe(kind);
  });
});

test.each([
  'http://0x7f.1/',
  'http://2130706433/',
  'http://127.1/',
  'http://[::FFFF:127.0.0.1]/',
  'http://LOCALHOST/',
])('%s is local once the URL class has read it', (url) => {
  expect(hostKind(new URL(url).hostname)).toBe('local');
});

test('what the rules call local is what the transport refuses to dial, and nothing else', () => {
  for (const host of [...LOCAL, ...PRIVATE, ...PUBLIC]) {
    expect([host, isForbiddenHost(host)]).toEqual([host, hostKind(host) === 'local']);
  }
});
