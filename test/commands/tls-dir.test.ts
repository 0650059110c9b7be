/** TLS as a person meets it: a bridge as a process with --tls-dir, and clients with --ca-file. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { routeTo } from '../harness/bridge.ts';
import { fakeProvider } from '../harness/fake-provider.ts';
import { tlsFixture } from '../harness/tls-front.ts';
import { until } from '../harness/wait-for.ts';

const command = fileURLToPath(new URL('../../cmd/turnbridge.ts', import.meta.url));
const caFile = fileURLToPath(new URL('../fixtures/tls/ca.pem', import.meta.url));
const slow = 20_000;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'turnbridge-tls-'));
});
afterAll(() => rm(folder, { recursive: true }));

function run(argv: readonly string[]) {
  const child = spawn(process.execPath, [command, ...argv], { env: { PATH: process.env['PATH'] } });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += String(chunk)));
  const exited = once(child, 'close').then(([code]: unknown[]) => code);
  return {
    exited,
    output: () => output,
    stop: () => child.kill('SIGTERM'),
    kill: () => child.kill('SIGKILL'),
  };
}

test('a bridge with --tls-dir serves `turn` and `doctor`, which trust its CA by --ca-file', async () => {
  await using provider = await fakeProvider();
  await writeFile(join(folder, 'routes.yaml'), routeTo(provider.url));
  await writeFile(join(folder, 'tls.crt'), tlsFixture('server.pem'));
  await writeFile(join(folder, 'tls.key'), tlsFixture('server.key.pem'));
  const ports = [
    '--listen',
    '127.0.0.1:0',
    '--ops-listen',
    '127.0.0.1:0',
    '--drain-delay',
    '0',
    '--drain-spread',
    '0',
  ];
  const bridge = run(['bridge', '--routes', join(folder, 'routes.yaml'), '--tls-dir', folder, ...ports]);
  try {
    const address = await until(() => /"listen":"([^"]+)"/.exec(bridge.output())?.[1], 'the address', slow);
    const url = `https://${address}/v1`;
    const trusting = run(['turn', url, 'hello', '--ca-file', caFile, '--model', 'm']);
    expect([await trusting.exited, trusting.output()]).toEqual([0, expect.stringContaining('completed')]);
    const strange = run(['turn', url, 'hello']);
    expect(await strange.exited).toBe(1);
    expect(strange.output()).toMatch(
      /the certificate is not trusted here: name the CA’s file with --ca-file/,
    );
    const doctor = run(['doctor', url, '--ca-file', caFile, '--model', 'm']);
    await doctor.exited;
    expect(doctor.output()).toMatch(/^ok +certificate +TLSv1\.3/m);
    const plain = run(['turn', `http://${address}/v1`, 'hello']);
    expect(await plain.exited).toBe(1);
    expect(plain.output()).toMatch(/This port speaks TLS: write https/);
    expect(plain.output()).not.toMatch(/drops the upgrade/);
    bridge.stop();
    expect(await bridge.exited).toBe(0);
  } finally {
    bridge.kill();
  }
}, 120_000);

test('a bridge whose certificate cannot be served does not start, and exits with 2', async () => {
  const empty = await mkdtemp(join(folder, 'empty-'));
  await writeFile(join(folder, 'any.yaml'), routeTo('http://127.0.0.1:1'));
  const bridge = run([
    'bridge',
    '--routes',
    join(folder, 'any.yaml'),
    '--tls-dir',
    empty,
    '--listen',
    '127.0.0.1:0',
  ]);
  expect(await bridge.exited).toBe(2);
  expect(bridge.output()).toMatch(
    /not started, no certificate for TLS: .*tls\.crt is not there: name a folder/,
  );
}, 60_000);

test.each([
  [
    'is not there',
    '/nonexistent/ca.pem',
    /--ca-file: \/nonexistent\/ca\.pem cannot be read \(ENOENT\): name a file/,
  ],
  ['holds no certificate', command, /--ca-file: .* holds no certificate: write the CA's in PEM into it/],
])(
  'a --ca-file that %s is told before anything is tried',
  async (_, path, sentence) => {
    for (const argv of [
      ['turn', 'https://127.0.0.1:1/v1', 'hello'],
      ['doctor', 'https://127.0.0.1:1/v1'],
    ]) {
      const client = run([...argv, '--ca-file', path]);
      expect(await client.exited).toBe(2);
      expect(client.output()).toMatch(sentence);
    }
  },
  60_000,
);
