import { describe, expect, test } from '@jest/globals';
import { refusalOf, type PageRequest } from '../../../src/telemetry/page/page-access.ts';

const local: PageRequest = {
  path: '/',
  remoteAddress: '127.0.0.1',
  host: 'localhost:9464',
  site: undefined,
  mode: undefined,
  destination: undefined,
};

describe('the page for this machine only', () => {
  test.each(['127.0.0.1', '::1', '::ffff:127.0.0.1', '::FFFF:127.0.0.1'])(
    'is shown to %s',
    (remoteAddress) => {
      expect(refusalOf({ ...local, remoteAddress }, 'loopback')).toBeUndefined();
    },
  );

  test.each([
    '10.0.0.1',
    '192.168.1.127',
    '::',
    '::2',
    '::ffff:10.0.0.1',
    'fe80::1',
    '128.0.0.1',
    '127.0.0.6', // what a mesh's sidecar calls the other pods
    '::ffff:127.0.0.6',
    '1127.0.0.1',
    '127.0.0.1.example',
    '',
    undefined,
  ])('is refused to %s, with what to do', (remoteAddress) => {
    expect(refusalOf({ ...local, remoteAddress }, 'loopback')).toMatch(
      /kubectl port-forward, or start the bridge with --ops-page public/,
    );
  });

  test.each(['localhost', 'LOCALHOST:80', '127.0.0.1', '127.0.0.1:9464', '[::1]', '[::1]:65535'])(
    'is shown under the name %s',
    (host) => {
      expect(refusalOf({ ...local, host }, 'loopback')).toBeUndefined();
    },
  );

  test.each([
    'evil.example',
    'evil.example:9464',
    'localhost.evil.example',
    'evil-localhost',
    '127.0.0.1.evil.example',
    'localhost:9464.evil.example',
    '[::1].evil.example',
    'localhost:',
    '',
    undefined,
  ])('is refused under the name %s: another site could pose as it', (host) => {
    expect(refusalOf({ ...local, host }, 'loopback')).toMatch(
      /localhost, 127\.0\.0\.1 and \[::1\] only.+use one of these names, or start the bridge with --ops-page public/,
    );
  });
});

test('the public page is shown to any machine under any name', () => {
  const request = { ...local, remoteAddress: '10.1.2.3', host: 'ops.example' };
  expect(refusalOf(request, 'public')).toBeUndefined();
});

describe.each(['loopback', 'public'] as const)('the %s page', (access) => {
  test.each(['same-origin', 'none'])('is shown to a browser that asks from %s', (site) => {
    const request = { ...local, path: '/events', site, mode: 'cors', destination: 'empty' };
    expect(refusalOf(request, access)).toBeUndefined();
  });

  test.each([
    ['/', 'cross-site', 'no-cors', 'image'],
    ['/', 'cross-site', 'navigate', 'iframe'],
    ['/', 'same-site', 'cors', 'empty'],
    ['/', 'cross-site', undefined, undefined],
    ['/', '', undefined, undefined],
    ['/events', 'cross-site', 'navigate', 'document'],
    ['/state.json', 'same-site', 'navigate', 'document'],
    ['/state.json', 'cross-site', 'cors', 'empty'],
    ['/page/page.js', 'cross-site', 'no-cors', 'script'],
  ])('is refused to another site: %s, %s, %s, %s', (path, site, mode, destination) => {
    expect(refusalOf({ ...local, path, site, mode, destination }, access)).toMatch(/other sites/);
  });

  test('can be opened by a link in a runbook', () => {
    const request = { ...local, site: 'cross-site', mode: 'navigate', destination: 'document' };
    expect(refusalOf(request, access)).toBeUndefined();
  });
});
