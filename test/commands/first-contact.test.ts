/** What a newcomer does first, with real processes: start, a turn from a second terminal, Ctrl-C. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { fakeProvider } from '../harness/fake-provider.ts';
import { routeTo } from '../harness/bridge.ts';
import { until } from '../harness/wait-for.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ANY_PORTS = ['--listen', '127.0.0.1:0', '--ops-listen', '127.0.0.1:0'];

interface Running extends AsyncDisposable {
  readonly process: ChildProcess;
  stdout(): string;
  stderr(): string;
  readonly exited: Promise<number | null>;
}

function run(file: string, args: string[], env: Record<string, string> = {}): Running {
  const child = spawn(process.execPath, [join(ROOT, 'cmd', file), ...args], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const exited = once(child, 'close').then(([code]) => code as number | null);
  return {
    process: child,
    stdout: () => stdout,
    stderr: () => stderr,
    exited,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function baseOf(running: Running): Promise<string> {
  return until(
    () => /^Bridge on (\S+),/m.exec(running.stdout())?.[1],
    'the line that says where the bridge is',
    20_000,
  );
}

describe('npm start', () => {
  test('says in three lines what to try, and the turn it names works from a second terminal', async () => {
    await using start = run('start.ts', ANY_PORTS);
    const base = await baseOf(start);
    const hint = await until(
      () => /turnbridge -- (turn .*)$/m.exec(start.stdout())?.[1],
      'the line with a turn to try',
    );
    await until(
      () => /^The Codex CLI: {2}codex .*supports_websockets=true/m.test(start.stdout()),
      'the line for Codex',
    );
    expect(hint).toBe(`turn ${base} "Say hello"`);

    await using turn = run('turnbridge.ts', ['turn', base, 'Say hello']);
    expect(await turn.exited).toBe(0);
    expect(turn.stdout()).toMatch(/Hello from the scripted provider/);
    expect(turn.stdout()).toMatch(/completed/);

    start.process.kill('SIGINT');
    expect(await start.exited).toBe(0);
    expect(start.stderr()).toBe('');
    const ended = linesOf(start).find(({ event }) => event === 'turn.end');
    expect(ended).toMatchObject({ model: 'gpt-5.5', route: 'default/scripted', pod: expect.any(String) });
  }, 60_000);

  test('writes its log in the form that it is told', async () => {
    await using start = run('start.ts', [...ANY_PORTS, '--log-format', 'text']);
    // the log leaves after what start prints, when signals are listened to
    await until(() => start.stdout().includes('process.start'), 'the first log line', 20_000);
    start.process.kill('SIGINT');
    expect(await start.exited).toBe(0);
    expect(start.stdout()).toMatch(/process\.exit/);
    expect(linesOf(start)).toEqual([]);
  }, 60_000);

  test('explains itself by its own name, and takes no routes', async () => {
    await using help = run('start.ts', ['--help']);
    expect(await help.exited).toBe(0);
    expect(help.stdout()).toMatch(/^Usage: npm start -- \[options\]/);
    expect(help.stdout()).not.toMatch(/--routes/);
    await using routed = run('start.ts', [...ANY_PORTS, '--routes', 'mine.yaml']);
    expect(await routed.exited).toBe(2);
    expect(routed.stderr()).toMatch(/for your routes write .* bridge --routes mine\.yaml/);
  }, 60_000);

  test('a second one finds the address taken and says what to do', async () => {
    await using first = run('start.ts', ANY_PORTS);
    const port = new URL(await baseOf(first)).port;
    await using second = run('start.ts', ['--listen', `127.0.0.1:${port}`, '--ops-listen', '127.0.0.1:0']);
    expect(await second.exited).toBe(2);
    expect(second.stderr()).toMatch(/EADDRINUSE.*choose another with --listen/);
  }, 60_000);
});

describe('turnbridge bridge', () => {
  test('its first log line has the addresses it got', async () => {
    await using provider = await fakeProvider();
    await using files = await folderWith({ 'routes.yaml': routeTo(provider.url) });
    await using bridge = run('turnbridge.ts', ['bridge', '--routes', files.path, ...ANY_PORTS]);
    const line = await until(() => bridge.stdout().split('\n').find(Boolean), 'the first log line', 20_000);
    const first = JSON.parse(line) as Record<string, unknown>;
    expect(first).toMatchObject({
      event: 'process.start',
      listen: expect.stringMatching(/^127\.0\.0\.1:[1-9]\d+$/),
    });
    expect(first['ops_listen']).toMatch(/^127\.0\.0\.1:[1-9]\d+$/);
  }, 60_000);

  test('refuses broken routes at the start, with every mistake and exit code 2', async () => {
    const broken = routeTo('http://127.0.0.1:1/v1?x=1', { limits: { maxLanes: 0 } });
    await using files = await folderWith({ 'routes.yaml': broken });
    await using bridge = run('turnbridge.ts', ['bridge', '--routes', files.path, ...ANY_PORTS]);
    expect(await bridge.exited).toBe(2);
    expect(bridge.stderr()).toMatch(/routes\.yaml:1:\d+: error: .*maxLanes/);
    expect(bridge.stderr()).toMatch(/routes\.yaml:1:\d+: error: .*url/);
    expect(bridge.stderr()).toMatch(/not started, 2 errors/);
  }, 60_000);

  test('runs without any route, and is not ready', async () => {
    await using files = await folderWith({});
    await using bridge = run('turnbridge.ts', ['bridge', '--routes', files.path, ...ANY_PORTS]);
    const ops = await until(
      () => /"ops_listen":"([^"]+)"/.exec(bridge.stdout())?.[1],
      'the ops address',
      20_000,
    );
    expect((await fetch(`http://${ops}/healthz`)).status).toBe(200);
    expect((await fetch(`http://${ops}/readyz`)).status).toBe(503);
  }, 60_000);

  test.each([
    [[], /--routes is missing: write --routes PATH/],
    [
      ['--routes', 'x', '--ping-interval', 'soon'],
      /--ping-interval is a number from 0 to 604800, not "soon"/,
    ],
    [['--routes', 'x', '--drain-deadline', '2592000'], /--drain-deadline is a number from 0 to 604800/],
    [['--routes', 'x', '--listen', '8787'], /--listen is HOST:PORT, not "8787": write 127\.0\.0\.1:8787/],
    [['--routes', 'x', '--log-level', 'loud'], /--log-level is one of debug, info, warn, error, not "loud"/],
    [['--route', 'x'], /there is no flag --route; did you mean --routes/],
    [['routes.yaml'], /"routes.yaml" stands alone: for a route file write --routes routes.yaml/],
  ])(
    'wrong usage %j is told in a sentence, with exit code 2',
    async (args, sentence) => {
      await using bridge = run('turnbridge.ts', ['bridge', ...args]);
      expect(await bridge.exited).toBe(2);
      expect(bridge.stderr()).toMatch(sentence);
    },
    30_000,
  );

  test('takes its proxy from the usual variables, with or without a scheme, and refuses what is no address', async () => {
    await using provider = await fakeProvider();
    await using files = await folderWith({ 'routes.yaml': routeTo(provider.url) });
    const args = ['bridge', '--routes', files.path, ...ANY_PORTS];
    await using broken = run('turnbridge.ts', args, { HTTPS_PROXY: 'socks5://127.0.0.1:1080' });
    expect(await broken.exited).toBe(2);
    expect(broken.stderr()).toMatch(/HTTPS_PROXY is no address of an HTTP proxy: write http:\/\/HOST:PORT/);
    await using proxied = run('turnbridge.ts', args, { http_proxy: '127.0.0.1:1', NO_PROXY: '127.0.0.1' });
    const base = await until(() => /"listen":"([^"]+)"/.exec(proxied.stdout())?.[1], 'the address', 20_000);
    await using turn = run('turnbridge.ts', ['turn', `http://${base}/v1`, 'hello']);
    expect(await turn.exited).toBe(0);
  }, 60_000);

  test('takes its flags from the environment as well', async () => {
    await using bridge = run('turnbridge.ts', ['bridge'], {
      TURNBRIDGE_ROUTES: 'x',
      TURNBRIDGE_LISTEN: 'nowhere',
    });
    expect(await bridge.exited).toBe(2);
    expect(bridge.stderr()).toMatch(/: TURNBRIDGE_LISTEN is HOST:PORT, not "nowhere"/);
  }, 30_000);

  test('says on a terminal, once, that a second Ctrl-C stops at once; and it does', async () => {
    await using files = await folderWith({});
    const args = ['bridge', '--routes', files.path, ...ANY_PORTS, '--drain-delay', '600'];
    // a terminal, as far as the program can tell
    const terminal = '--import=data:text/javascript,process.stderr.isTTY=true';
    await using bridge = run('turnbridge.ts', args, { NODE_OPTIONS: terminal });
    await until(() => bridge.stdout().includes('process.start'), 'the first log line', 20_000);
    bridge.process.kill('SIGINT');
    await until(() => bridge.stderr() !== '', 'what it says', 20_000);
    bridge.process.kill('SIGINT');
    expect(await bridge.exited).toBe(0);
    expect(bridge.stderr()).toBe('Draining. Ctrl-C again stops at once.\n');
  }, 60_000);
});

describe('turnbridge turn', () => {
  test('ends with 1 where the upgrade is refused, and says what to change', async () => {
    await using provider = await fakeProvider('hello', { webSocket: { refuse: { status: 405 } } });
    await using turn = run('turnbridge.ts', ['turn', provider.url, 'hello']);
    expect(await turn.exited).toBe(1);
    expect(turn.stderr()).toMatch(/the upgrade was refused with 405/);
    expect(turn.stderr()).toMatch(/takes no WebSocket here/);
  }, 30_000);

  test('over HTTP, says of a model that nobody serves that it is the model', async () => {
    await using provider = await fakeProvider();
    await using files = await folderWith({
      'routes.yaml': routeTo(provider.url, { match: { models: ['known'] } }),
    });
    await using bridge = run('turnbridge.ts', ['bridge', '--routes', files.path, ...ANY_PORTS]);
    const base = await until(() => /"listen":"([^"]+)"/.exec(bridge.stdout())?.[1], 'the address', 20_000);
    await using turn = run('turnbridge.ts', [
      'turn',
      `http://${base}/v1`,
      'hello',
      '--http',
      '--model',
      'other',
    ]);
    expect(await turn.exited).toBe(1);
    expect(turn.stderr()).toMatch(/no route serves this model: give another one with --model/);
  }, 30_000);
});

describe('turnbridge', () => {
  test('is run by node when it is called by its name: without its first line a shell would run it', async () => {
    const text = await readFile(join(ROOT, 'cmd', 'turnbridge.ts'), 'utf8');
    expect(text).toMatch(/^#!\/usr\/bin\/env node\n/);
    await using cli = run('turnbridge.ts', ['--version']);
    expect(await cli.exited).toBe(0);
    expect(cli.stdout()).toMatch(/^\d+\.\d+\.\d+/);
  }, 30_000);

  test('names its commands when an unknown one is called', async () => {
    await using cli = run('turnbridge.ts', ['brige']);
    expect(await cli.exited).toBe(2);
    expect(cli.stderr()).toMatch(
      /no command "brige"; there are bridge, operator, check, turn, doctor, provider/,
    );
  }, 30_000);

  test.each(['bridge', 'operator', 'check', 'turn', 'doctor', 'provider'])(
    '%s --help explains itself',
    async (command) => {
      await using cli = run('turnbridge.ts', [command, '--help']);
      expect(await cli.exited).toBe(0);
      expect(cli.stdout()).toMatch(new RegExp(`^Usage: turnbridge ${command}`, 'm'));
      expect(cli.stdout()).toMatch(/Exit codes?:/);
    },
    30_000,
  );
});

/** What of a process' output is the log, as JSON. */
function linesOf(running: Running): Record<string, unknown>[] {
  return running
    .stdout()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

async function folderWith(
  files: Record<string, string>,
): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'turnbridge-commands-'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}
