import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../../..');

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `turnbridge check` as a process of its own, in a folder with the test's files. */
async function check(args: readonly string[], input = '', env: Record<string, string> = {}): Promise<Run> {
  const child = spawn(process.execPath, [join(ROOT, 'cmd/turnbridge.ts'), 'check', ...args], {
    cwd: folder,
    env,
  });
  child.stdin.end(input);
  const code = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, stdout, stderr };
}

const SOUND = `apiVersion: turnbridge.dev/v1alpha1
kind: ResponsesRoute
metadata: { name: sound }
spec: { providers: [{ name: a, url: 'https://a.example.com/v1' }] }
`;
const KEYED = `apiVersion: turnbridge.dev/v1alpha1
kind: ResponsesRoute
metadata: { name: keyed }
spec:
  clients: { auth: { type: None } }
  providers:
    - { name: a, url: 'http://127.0.0.1:1/v1', auth: { type: APIKey, secretRef: { name: key } } }
`;
const SECRET = `{ apiVersion: v1, kind: Secret, metadata: { name: key }, stringData: { apiKey: '\${KEY}' } }
`;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'turnbridge-check-'));
  await writeFile(join(folder, 'sound.yaml'), SOUND);
  await writeFile(join(folder, 'keyed.yaml'), KEYED);
  await writeFile(join(folder, 'secret.yaml'), SECRET);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('turnbridge check', () => {
  test('exits 0 for a sound file', async () => {
    expect(await check(['-f', 'sound.yaml'])).toEqual({
      code: 0,
      stdout: '0 errors, 0 warnings in 1 file\n',
      stderr: '',
    });
  });

  test('exits 1 with every error', async () => {
    expect(await check(['-f', 'keyed.yaml', '--file', 'nowhere.yaml'])).toEqual({
      code: 1,
      stdout: `nowhere.yaml: error: there is no such file or folder; write the path of one
keyed.yaml:7:89: error: spec.providers[0].auth.secretRef.name: there is no Secret key in namespace default; add it, or write the name of one that exists there
2 errors, 0 warnings in 1 file
`,
      stderr: '',
    });
  });

  test('only warns of a variable that has no value here', async () => {
    const warning = `secret.yaml:1:80: warning: stringData.apiKey: environment variable KEY is not set; set it before the start, or write another\n`;
    expect(await check(['-f', 'keyed.yaml', '-f', 'secret.yaml'])).toMatchObject({
      code: 0,
      stdout: `${warning}0 errors, 1 warning in 2 files\n`,
    });
    expect(await check(['-f', 'keyed.yaml', '-f', 'secret.yaml'], '', { KEY: 'k' })).toMatchObject({
      stdout: '0 errors, 0 warnings in 2 files\n',
    });
  });

  test('takes a folder as one set, and a file named twice once', async () => {
    expect(await check(['-f', '.', '-f', 'sound.yaml'], '', { KEY: 'k' })).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(
        /^sound\.yaml:4:1: error: spec\.clients: .* older route default\/keyed .*\n1 error, 0 warnings in 3 files\n$/,
      ),
    });
  });

  test('reads standard input', async () => {
    expect(await check(['-f', '-'], 'kind: Pod')).toEqual({
      code: 1,
      stdout: `(stdin):1:7: error: kind: kind "Pod" is not read here, only ResponsesRoute, Secret, ConfigMap; move it elsewhere
1 error, 0 warnings in 1 file
`,
      stderr: '',
    });
  });

  test('judges as a cluster does when told so', async () => {
    expect(await check(['--cluster', '-f', 'keyed.yaml'])).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(
        /^keyed\.yaml:7:23: error: spec\.providers\[0\]\.url: url leads to 127\.0\.0\.1.*\n1 error/,
      ),
    });
  });

  test.each([
    ['sidecar', 0],
    ['sidecar-of-team-a', 0],
    ['sidecars', 1],
  ])(
    'takes a loopback provider for bridge %s as the API server does: exit code %d',
    async (bridgeName, code) => {
      const route = {
        apiVersion: 'turnbridge.dev/v1alpha1',
        kind: 'ResponsesRoute',
        metadata: { name: 'local' },
        spec: { bridgeName, providers: [{ name: 'a', url: 'http://127.0.0.1:8000/v1' }] },
      };
      expect(await check(['--cluster', '-f', '-'], JSON.stringify(route))).toMatchObject({ code });
    },
  );

  test('says when there was no route', async () => {
    expect(await check(['-f', '-'], '')).toMatchObject({
      code: 0,
      stdout: 'There is no ResponsesRoute in what was checked.\n0 errors, 0 warnings in 1 file\n',
    });
  });

  test('prints its help and the JSON schema', async () => {
    expect(await check(['--help'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Usage: turnbridge check/),
    });
    const { code, stdout } = await check(['--schema']);
    expect([code, (JSON.parse(stdout) as { title: string }).title]).toEqual([0, 'ResponsesRoute']);
  });

  test.each([
    [[], 'nothing to check; write -f FILE'],
    [['routes.yaml'], 'routes.yaml has no option before it; write -f routes.yaml'],
    [['-f', 'a.yaml', 'b.yaml'], 'b.yaml has no option before it; write -f b.yaml'],
    [['--fiel', 'a.yaml'], "Unknown option '--fiel'"],
  ])('exits 2 for wrong usage: %j', async (args, message) => {
    const { code, stdout, stderr } = await check(args);
    expect([code, stdout, stderr.split('\n')[0]]).toEqual([2, '', expect.stringContaining(message)]);
  });
});
