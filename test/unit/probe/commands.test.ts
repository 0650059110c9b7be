import { spawn } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { closedUrl } from '../../harness/nowhere.ts';
import { type Behaviour, type FakeDeployment, sendJson, startFakeDeployment } from './fake-deployment.ts';

let fake: FakeDeployment;
let behaviour: Behaviour;

beforeEach(async () => {
  behaviour = {};
  fake = await startFakeDeployment({
    upgrade: (request, socket) => behaviour.upgrade?.(request, socket) ?? false,
    opened: (socket, request) => behaviour.opened?.(socket, request),
    frame: (frame, socket) => behaviour.frame?.(frame, socket) ?? false,
    request: (request, response) => behaviour.request?.(request, response) ?? false,
  });
});

afterEach(() => fake.close());

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a command in a process of its own, as the command line does. */
function start(name: 'turn' | 'doctor', args: readonly string[], env: Record<string, string> = {}) {
  const file = new URL(`../../../cmd/${name}.ts`, import.meta.url).href;
  const script = `import { ${name} } from '${file}'; process.exitCode = await ${name}(process.argv.slice(1));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, '--', ...args], { env });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, out, err })));
  return { child, ended };
}

function run(name: 'turn' | 'doctor', args: readonly string[], env?: Record<string, string>): Promise<Ended> {
  return start(name, args, env).ended;
}

describe('turn', () => {
  test('shows the text, then a summary, and exits with 0', async () => {
    const { code, out, err } = await run('turn', [fake.url, 'hello', '--model', 'my-model']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(
      /^pong\n\ncompleted · resp_1 · gpt-5\.5 · over websocket\nconnect .* · first event .* · first text .* · total .*\n6 events · .*\n$/,
    );
    expect(fake.frames[0]).toMatchObject({ model: 'my-model' });
  });

  test('does the same over HTTP', async () => {
    const { code, out } = await run('turn', [fake.url, 'hello', '--http']);
    expect(code).toBe(0);
    expect(out).toMatch(/^pong\n\ncompleted · resp_2 · gpt-5\.5 · over http\nfirst event /);
    expect(fake.frames).toEqual([]);
  });

  test('writes one line of JSON per event and one for the summary', async () => {
    const { code, out } = await run('turn', [fake.url, 'hello', '--json']);
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(code).toBe(0);
    expect(lines).toHaveLength(7);
    expect(lines[0]).toMatchObject({ type: 'response.created', response: { id: 'resp_1' } });
    expect(lines[6]).toMatchObject({
      type: 'turnbridge.summary',
      outcome: 'completed',
      events: 6,
      tokens: { input: 12, output: 3 },
    });
  });

  test('takes its key from the environment, and a given one before that', async () => {
    await run('turn', [fake.url, 'hello'], { OPENAI_API_KEY: 'k-openai' }); // not for any URL that is typed
    await run('turn', [fake.url, 'hello'], { OPENAI_API_KEY: 'k-openai', TURNBRIDGE_KEY: 'k-own' });
    await run('turn', [fake.url, 'hello', '--key', 'k-given'], { TURNBRIDGE_KEY: 'k-own' });
    await run('turn', [fake.url, 'hello']);
    expect(fake.requests.map(({ headers }) => headers.authorization)).toEqual([
      undefined,
      'Bearer k-own',
      'Bearer k-given',
      undefined,
    ]);
  });

  test('exits with 1 and says why when the turn does not complete', async () => {
    behaviour.frame = (_frame, ws) => {
      sendJson(ws, {
        type: 'error',
        status: 404,
        error: { code: 'model_not_found', message: 'no such model' },
      });
      return true;
    };
    const { code, out, err } = await run('turn', [fake.url, 'hello', '--model', 'x']);
    expect(code).toBe(1);
    expect(out).toContain('error · over websocket');
    expect(err).toBe(
      'turn: the turn did not complete (error): 404 model_not_found: no such model\n' +
        'turn: no route serves the model "x": give another one with --model\n',
    );
  });

  test('exits with 1 when nobody is there, and says what to start', async () => {
    const { code, out, err } = await run('turn', [`${closedUrl}/v1`, 'hello']);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/ECONNREFUSED.*\n.*start the bridge/);
  });

  test('gives up after the time it was given', async () => {
    behaviour.frame = () => true;
    const { code, err } = await run('turn', [fake.url, 'hello', '--timeout', '5']);
    expect(code).toBe(1);
    expect(err).toMatch(/no event within the time allowed\n.*proxy_buffering/);
  });

  test('says of a turn that takes too long how far it came, and blames no proxy', async () => {
    behaviour.frame = (_frame, ws) => {
      sendJson(ws, { type: 'response.created', response: { id: 'r' } });
      sendJson(ws, { type: 'response.in_progress', response: { id: 'r' } });
      return true;
    };
    const { code, err } = await run('turn', [fake.url, 'hello', '--timeout', '5']);
    expect(code).toBe(1);
    expect(err).toBe(
      'turn: the turn did not complete (broken): the turn took longer than 5 s (--timeout); 2 events had come\n',
    );
  });

  test('closes its socket and exits with 130 on Ctrl-C', async () => {
    let child: ReturnType<typeof start>['child'] | undefined;
    const closed = new Promise<number>((resolve) => {
      behaviour.frame = (_frame, ws) => {
        ws.on('close', resolve);
        child?.kill('SIGINT');
        return true;
      };
    });
    const started = start('turn', [fake.url, 'hello']);
    ({ child } = started);
    expect((await started.ended).code).toBe(130);
    expect(await closed).toBe(1000);
  });

  test('says how it read a URL that was not plain', async () => {
    const { code, err } = await run('turn', [`${fake.url}/responses`.replace('http', 'ws'), 'hello']);
    expect(code).toBe(0);
    expect(err).toMatch(
      /^turn: the URL ends in \/responses; its base is \/v1: using ws:\/\/.*\/v1\/responses\n$/,
    );
  });
});

describe('doctor', () => {
  test('says for each step what it saw, and exits with 0 when all is well', async () => {
    const { code, out, err } = await run('doctor', [fake.url]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^ok {4}upgrade {8}101 after .*, no subprotocol$/m);
    expect(out).toMatch(/\n11 ok, 0 to look at, 0 failed, 2 skipped\n$/);
  });

  test('says what to change, and exits with 1 when a step failed', async () => {
    behaviour.upgrade = (_request, socket) => {
      socket.end('HTTP/1.1 426 Upgrade Required\r\ncontent-length: 0\r\n\r\n');
      return true;
    };
    const { code, out } = await run('doctor', [fake.url]);
    expect(code).toBe(1);
    expect(out).toMatch(
      /^fail {2}upgrade {8}the upgrade was refused with 426\n {21}→ WebSocket is switched off/m,
    );
  });

  test('exits with 0 when there is something to look at but nothing failed', async () => {
    behaviour.request = (request, response) => {
      if (request.url !== '/v1/models') return false;
      response.writeHead(404).end();
      return true;
    };
    const { code, out } = await run('doctor', [fake.url]);
    expect(code).toBe(0);
    expect(out).toMatch(/1 to look at/);
  });

  test('writes one line of JSON per step and one for the summary', async () => {
    const { out } = await run('doctor', [fake.url, '--json', '--idle', '0.05']);
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.at(-2)).toMatchObject({ type: 'turnbridge.step', step: 'silence', status: 'ok' });
    expect(lines.at(-1)).toEqual({ type: 'turnbridge.summary', ok: 12, warn: 0, fail: 0, skip: 2 });
  });

  test('exits with 130 on Ctrl-C', async () => {
    let child: ReturnType<typeof start>['child'] | undefined;
    behaviour.frame = () => child?.kill('SIGINT') ?? true;
    const started = start('doctor', [fake.url]);
    ({ child } = started);
    expect((await started.ended).code).toBe(130);
  });
});

describe('wrong usage exits with 2 and says what to write', () => {
  test.each<['turn' | 'doctor', string[], RegExp]>([
    ['turn', [], /a URL is missing: write turn http/],
    ['turn', ['http://h/v1'], /a text is missing/],
    ['turn', ['http://h/v1', 'say', 'hello'], /put the text in quotes/],
    ['turn', ['h:1/v1', 'hello'], /write it like http:\/\/h:1\/v1/],
    ['turn', ['http://h/v1', 'hello', '--timeout', 'soon'], /write --timeout 60/],
    ['turn', ['http://h/v1', 'hello', '--modle', 'x'], /--modle/],
    ['doctor', [], /a URL is missing: write doctor http/],
    ['doctor', ['http://h/v1', 'http://i/v1'], /one URL at a time/],
    ['doctor', ['http://h/v1', '--idle', '-5'], /--idle/],
    ['doctor', ['http://h/v1', '--idle', 'x'], /write --idle 75/],
  ])('%s %j', async (name, args, message) => {
    const { code, out, err } = await run(name, args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(message);
    expect(err).toContain(`turnbridge ${name} --help`);
  });
});

test.each(['turn', 'doctor'] as const)('%s explains itself', async (name) => {
  const { code, out } = await run(name, ['--help']);
  expect(code).toBe(0);
  expect(out).toContain(`Usage: turnbridge ${name} URL`);
});
