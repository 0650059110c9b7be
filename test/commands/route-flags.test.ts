/** Exactly one kind of source of routes, and whoever names none or two is told what to write. */
import { describe, expect, test } from '@jest/globals';
import { parseBridgeFlags } from '../../cmd/bridge-flags.ts';
import { UsageError } from '../../cmd/exits.ts';

const POD = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' };
const SECRET = ['--snapshot-secret', 'ai/turnbridge'];
const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

function origin(argv: string[], env: Record<string, string> = {}) {
  return parseBridgeFlags(argv, env)?.routes;
}

describe('where routes come from', () => {
  test('are files', () => {
    expect(origin(['--routes', 'x'], { A: 'a' })).toEqual({ kind: 'files', path: 'x', env: { A: 'a' } });
  });

  test('is a mounted folder alone, which needs no API server', () => {
    expect(origin(['--snapshot-dir', '/snapshot'])).toEqual({
      kind: 'snapshots',
      folder: '/snapshot',
      watched: undefined,
    });
  });

  test('is a Secret, of the API server that the pod is told, and the folder beside it', () => {
    expect(origin([...SECRET, '--snapshot-dir', '/snapshot'], POD)).toEqual({
      kind: 'snapshots',
      folder: '/snapshot',
      watched: {
        secret: { namespace: 'ai', name: 'turnbridge' },
        access: { url: 'https://10.96.0.1:443', credentials: ACCOUNT },
      },
    });
  });

  test('is said by variables as well', () => {
    const env = { ...POD, TURNBRIDGE_SNAPSHOT_SECRET: 'ai/x', TURNBRIDGE_SNAPSHOT_DIR: '/snapshot' };
    expect(origin([], env)).toMatchObject({ folder: '/snapshot', watched: { secret: { name: 'x' } } });
  });

  test.each([
    [
      'of IPv6 is written in brackets',
      { ...POD, KUBERNETES_SERVICE_HOST: 'fd00:10:96::1' },
      [],
      'https://[fd00:10:96::1]:443',
    ],
    [
      'without a port has the usual one',
      { KUBERNETES_SERVICE_HOST: 'kubernetes' },
      [],
      'https://kubernetes:443',
    ],
    [
      'that is named wins over the one of the pod',
      POD,
      ['--kube-api', 'https://other:6443'],
      'https://other:6443',
    ],
  ])('an API server %s', (_title, env, more, url) => {
    expect(origin([...SECRET, ...more], env)).toMatchObject({ watched: { access: { url } } });
  });

  test.each([
    [['--kube-api', 'http://127.0.0.1:8001'], undefined],
    [['--kube-api', 'https://a:1', '--kube-credentials', '/c'], '/c'],
    [['--kube-credentials', '/c'], '/c'],
    [[], ACCOUNT],
  ])('with %j the token is looked for in %s', (more, credentials) => {
    expect(origin([...SECRET, ...more], POD)).toMatchObject({ watched: { access: { credentials } } });
  });
});

test.each<[string[], Record<string, string>, RegExp]>([
  [[], {}, /^--routes is missing: write --routes PATH .* or --snapshot-secret NAMESPACE\/NAME/],
  [['--routes', 'x', ...SECRET], POD, /^--routes and --snapshot-secret are two sources/],
  [
    ['--snapshot-dir', 'y'],
    { TURNBRIDGE_ROUTES: 'x' },
    /^TURNBRIDGE_ROUTES and --snapshot-dir are two sources/,
  ],
  [SECRET, {}, /^--snapshot-secret needs an API server, .* write --kube-api URL/],
  [
    ['--snapshot-secret', 'turnbridge'],
    POD,
    /^--snapshot-secret is NAMESPACE\/NAME of a Secret, not "turnbridge"/,
  ],
  [['--snapshot-secret', 'a/b/c'], POD, /NAMESPACE\/NAME/],
  [['--snapshot-secret', '../x'], POD, /NAMESPACE\/NAME/],
  [['--snapshot-secret', 'a/..'], POD, /NAMESPACE\/NAME/],
  [['--snapshot-dir', 'y', '--kube-api', 'https://a'], {}, /^--kube-api is for the watch on a Secret/],
  [
    [...SECRET, '--kube-api', 'http://a:6443', '--kube-credentials', '/c'],
    {},
    /^--kube-api would carry the token of --kube-credentials in clear: write https:/,
  ],
  [[...SECRET, '--kube-api', 'a:6443'], {}, /^--kube-api is the address of an API server: write https:/],
])('%j is refused with a sentence that says what to write', (argv, env, sentence) => {
  expect(() => origin(argv, env)).toThrow(UsageError);
  expect(() => origin(argv, env)).toThrow(sentence);
});

test('a token in the address of the API server is refused, and not repeated', () => {
  const parse = () => origin([...SECRET, '--kube-api', 'https://user:hidden-token@a:6443']);
  expect(parse).toThrow(/^--kube-api holds more than an address/);
  expect(parse).not.toThrow(/hidden-token/);
});
