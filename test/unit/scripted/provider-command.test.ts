import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { builtInScripts } from '../../../src/scripted/scripts.ts';
import { connect } from '../../harness/connect.ts';
import { until, within } from '../../harness/wait-for.ts';
import { ask } from './ask.ts';

const command = new URL('../../../cmd/provider.ts', import.meta.url).href;
const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/scripts/${name}`, import.meta.url));

interface Running {
  readonly child: ChildProcess;
  readonly exit: Promise<number | null>;
  out(): string;
  err(): string;
}

/** The command as a process of its own: its exit code is its return value. */
function run(...argv: string[]): Running {
  const program = `process.exitCode = await (await import(${JSON.stringify(command)})).provider(process.argv.slice(1))`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program, '--', ...argv]);
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.once('close', resolve);
  return {
    child,
    out: () => out,
    err: () => err,
    exit: within(promise, 'the command to exit', 20_000, () => `${out}${err}`),
  };
}

describe('turnbridge provider', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    'says its URL first, answers there, logs requests, and ends with 0 on %s',
    async (signal) => {
      const running = run('--listen', '127.0.0.1:0');
      const url = await until(
        () => /^Scripted provider on (http:\S+), script hello\n/.exec(running.out())?.[1],
        'the first line',
        20_000,
      );
      expect((await ask(url, { model: 'gpt-5.5', input: 'Hi' })).status).toBe(200);
      await until(() => running.out().includes('#1 finished after'), 'the line of the end');
      expect(running.out()).toContain('#1 POST /v1/responses gpt-5.5, 1 input items');
      running.child.kill(signal);
      expect(await running.exit).toBe(0);
      expect(running.err()).toBe('');
    },
    30_000,
  );

  test('plays a script file', async () => {
    const running = run('--listen', '127.0.0.1:0', '--script', fixture('retry-then-tool.json'));
    const url = await until(
      () => /on (http:\S+), script retry-then-tool\n/.exec(running.out())?.[1],
      'the first line',
      20_000,
    );
    expect((await ask(url, { model: 'gpt-5.5', input: 'Hi' })).status).toBe(503);
    running.child.kill('SIGTERM');
    expect(await running.exit).toBe(0);
  }, 30_000);

  test('has WebSockets, and logs their upgrades and requests', async () => {
    const running = run('--listen', '127.0.0.1:0');
    const url = await until(() => /on (http:\S+),/.exec(running.out())?.[1], 'the first line', 20_000);
    await using client = await connect(`${url}/responses`);
    client.create({ model: 'gpt-5.5', input: 'Hi' });
    await client.events();
    await until(() => running.out().includes('#1 finished after'), 'the line of the end');
    expect(running.out()).toContain('upgrade 1 /v1/responses 101');
    expect(running.out()).toContain('#1 WS /v1/responses gpt-5.5, 1 input items');
    running.child.kill('SIGTERM');
    expect(await running.exit).toBe(0);
  }, 30_000);

  test.each([
    ['the flag', ['--websocket', 'off']],
    ['the script', ['--script', 'as-groq']],
  ])(
    'has none where %s says so',
    async (_who, argv) => {
      const running = run('--listen', '127.0.0.1:0', ...argv);
      const url = await until(() => /on (http:\S+),/.exec(running.out())?.[1], 'the first line', 20_000);
      await expect(connect(`${url}/responses`)).rejects.toMatchObject({ status: 404 });
      await until(() => running.out().includes('upgrade 1 /v1/responses 404'), 'the line of the upgrade');
      running.child.kill('SIGTERM');
      expect(await running.exit).toBe(0);
    },
    30_000,
  );

  test('lists its scripts, a line each', async () => {
    const running = run('--list');
    expect(await running.exit).toBe(0);
    const names = running
      .out()
      .trim()
      .split('\n')
      .map((line) => line.split(' ', 1)[0]);
    expect(names).toEqual([...builtInScripts.keys()]);
  }, 30_000);

  test('explains itself with --help', async () => {
    const running = run('--help');
    expect([await running.exit, running.out()]).toEqual([0, expect.stringContaining('--script NAME|FILE')]);
  }, 30_000);

  test.each([
    [['--listen', 'nowhere'], '--listen is HOST:PORT, not "nowhere": write 127.0.0.1:8788, or [::1]:8788'],
    [['--listen', '127.0.0.1:99999'], '--listen is HOST:PORT'],
    [['--script', 'nonsense'], 'there is no built-in script "nonsense": write one of hello, tool-call'],
    [['--websocket', 'maybe'], '--websocket maybe: write on or off'],
    [['--wrong'], "Unknown option '--wrong'"],
    [['--script', fixture('broken.yaml')], 'broken.yaml:3:5 rules[0]: a rule needs an answer'],
  ])(
    'refuses what cannot work with exit code 2: %j',
    async (argv, message) => {
      const running = run(...argv);
      expect(await running.exit).toBe(2);
      expect(running.err()).toContain(message);
      expect(running.out()).toBe('');
    },
    30_000,
  );

  test('says so when the port is taken', async () => {
    const { promise: listening, resolve } = Promise.withResolvers<void>();
    const other = createServer().listen(0, '127.0.0.1', resolve);
    await listening;
    const { port } = other.address() as AddressInfo;
    const running = run('--listen', `127.0.0.1:${String(port)}`);
    expect(await running.exit).toBe(2);
    expect(running.err()).toContain(`127.0.0.1:${String(port)} is in use by another process`);
    other.close();
  }, 30_000);
});
