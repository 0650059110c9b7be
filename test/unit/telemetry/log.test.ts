import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { errorFields } from '../../../src/telemetry/log/error-fields.ts';
import { type Log, type LogOptions, openLog } from '../../../src/telemetry/log/log.ts';
import {
  type LogLine,
  MAX_FIELD_CHARS,
  toJsonLine,
  toTextLine,
} from '../../../src/telemetry/log/log-line.ts';
import { RepeatLimit } from '../../../src/telemetry/log/repeat-limit.ts';

const NOON = Date.UTC(2026, 10, 20, 12, 0, 0, 123);

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'log-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** A log into a file, and a way to close it and read what it wrote. */
function fileLog(over: Partial<LogOptions> = {}): { log: Log; finish: () => Promise<string[]> } {
  const path = join(folder, 'log');
  const fd = openSync(path, 'w');
  const log = openLog({
    fd,
    format: 'json',
    level: 'info',
    service: 'turnbridge',
    version: '0.1.0',
    pod: 'pod-1',
    now: () => NOON,
    ...over,
  });
  const finish = async (): Promise<string[]> => {
    await log.close();
    closeSync(fd);
    return readFileSync(path, 'utf8').split('\n').slice(0, -1);
  };
  return { log, finish };
}

/** A pipe whose reader takes nothing until it is asked to; both ends are non-blocking. */
function pipe(): { writeEnd: number; read: () => string; close: () => void } {
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writeEnd = openSync(path, constants.O_WRONLY);
  const buffer = Buffer.alloc(1024 * 1024);
  return {
    writeEnd,
    read: () => {
      try {
        return buffer.toString('utf8', 0, readSync(readEnd, buffer));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return '';
        throw error;
      }
    },
    close: () => {
      closeSync(readEnd);
      closeSync(writeEnd);
    },
  };
}

function line(over: Partial<LogLine> = {}): LogLine {
  return { time: NOON, level: 'info', event: 'turn.end', msg: 'turn ended', fields: {}, ...over };
}

const IDENTITY = { service: 'turnbridge', version: '0.1.0', pod: 'pod-1' };

describe('a line', () => {
  test('is one JSON object with time, level, message, event and who speaks', () => {
    const text = toJsonLine(line({ fields: { outcome: 'completed', duration_ms: 12.34567 } }), IDENTITY);
    expect(text.endsWith('}\n')).toBe(true);
    expect(JSON.parse(text)).toEqual({
      time: '2026-11-20T12:00:00.123Z',
      level: 'info',
      msg: 'turn ended',
      event: 'turn.end',
      service: 'turnbridge',
      version: '0.1.0',
      pod: 'pod-1',
      outcome: 'completed',
      duration_ms: 12.346,
    });
  });

  test('never loses its own fields to those of an event', () => {
    const parsed: unknown = JSON.parse(
      toJsonLine(line({ fields: { time: 'x', level: 'y', a: 1 } }), IDENTITY),
    );
    expect(parsed).toMatchObject({ time: '2026-11-20T12:00:00.123Z', level: 'info', a: 1 });
  });

  test('leaves out what is not a string, a finite number or a boolean, even if a caller forces it in', () => {
    const forced = { headers: { authorization: 'Bearer key' }, list: ['key'], bad: Number.NaN, yes: true };
    const text = toJsonLine(line({ fields: forced as never }), IDENTITY);
    expect(text).not.toContain('key');
    expect(JSON.parse(text)).toMatchObject({ yes: true });
    expect(Object.keys(JSON.parse(text) as object)).not.toContain('bad');
  });

  test('cuts a text that is too long', () => {
    const parsed = JSON.parse(toJsonLine(line({ fields: { a: 'x'.repeat(10_000) } }), IDENTITY)) as {
      a: string;
    };
    expect(parsed.a).toHaveLength(MAX_FIELD_CHARS + 1);
  });

  test('for a terminal is readable and cannot move the cursor', () => {
    const text = toTextLine(line({ fields: { model: 'gpt-5.5', odd: '\u001b[2J\nfake line' } }));
    expect(text).toMatch(/^\d\d:\d\d:\d\d info {2}turn\.end +turn ended model=gpt-5\.5 odd=/);
    expect(text).not.toContain('\u001b');
    expect(text.indexOf('\n')).toBe(text.length - 1);
  });
});

describe('the log', () => {
  test('writes lines in order and leaves out those below its level', async () => {
    const { log, finish } = fileLog();
    log.debug('turn.start', 'not written');
    log.info('process.start', 'first');
    log.warn('attempt.fail', 'second');
    log.error('turn.end', 'third');
    const lines = await finish();
    expect(lines.map((text) => (JSON.parse(text) as LogLine).msg)).toEqual(['first', 'second', 'third']);
    expect(log.stats.lines).toEqual({ debug: 0, info: 1, warn: 1, error: 1 });
    expect(log.stats.dropped).toBe(0);
  });

  test('lets lines wait for one another, and none of them once there is an error', async () => {
    const far = pipe();
    const log = openLog({ fd: far.writeEnd, format: 'json', level: 'info', service: 's', version: 'v' });
    log.info('turn.end', 'turn ended', { n: 1 });
    expect(far.read()).toBe('');
    log.error('bridge.mistake', 'the bridge made a mistake');
    expect(far.read().split('\n')).toHaveLength(3);
    await log.close();
    far.close();
  });

  test('may be closed twice, and counts what comes after as dropped', async () => {
    const { log, finish } = fileLog();
    log.info('process.start', 'start');
    expect(await finish()).toHaveLength(1);
    log.info('process.exit', 'too late');
    await log.close();
    expect(log.stats.dropped).toBe(1);
  });

  test('lets one repeated warning per key and second through and tells how many it held back', async () => {
    let now = NOON;
    const { log, finish } = fileLog({ now: () => now });
    for (let i = 0; i < 5; i += 1) log.warnRepeated('a', 'protocol.error', 'frame refused', { reason: 'a' });
    log.warnRepeated('b', 'protocol.error', 'frame refused', { reason: 'b' });
    now += 1000;
    log.warnRepeated('a', 'protocol.error', 'frame refused', { reason: 'a' });
    log.warnRepeated('a', 'protocol.error', 'frame refused', { reason: 'a' });
    const lines = (await finish()).map((text) => JSON.parse(text) as Record<string, unknown>);
    expect(lines.map((entry) => [entry['reason'], entry['suppressed']])).toEqual([
      ['a', undefined],
      ['b', undefined],
      ['a', 4],
      [undefined, 1], // at the end: what no later line could tell
    ]);
    expect(log.stats.suppressed).toBe(5);
  });

  test('drops and counts what a stalled reader leaves no room for, and says so when it reads again', async () => {
    const far = pipe();
    const log = openLog({
      fd: far.writeEnd,
      format: 'json',
      level: 'info',
      service: 's',
      version: 'v',
      now: () => NOON,
      writer: { maxQueuedBytes: 20_000 },
    });
    // A pipe holds 64 KiB, the queue 20 kB: most of these 400 kB find no room.
    const filler = 'x'.repeat(900);
    const tick = () => new Promise<void>((resolve) => setImmediate(resolve));
    for (let i = 0; i < 400; i += 1) {
      log.info('turn.end', 'turn ended', { i, filler });
      // oxlint-disable-next-line no-await-in-loop -- lets the write in flight return
      await tick();
    }
    const { dropped } = log.stats;
    expect(dropped).toBeGreaterThan(200);

    let text = '';
    const ended = new AbortController();
    const closed = log.close().then(() => ended.abort());
    while (!ended.signal.aborted) {
      text += far.read();
      // oxlint-disable-next-line no-await-in-loop -- reading until the log has flushed
      await tick();
    }
    await closed;
    text += far.read();
    far.close();
    const lines = text
      .trimEnd()
      .split('\n')
      .map((entry) => JSON.parse(entry) as Record<string, unknown>);
    expect(lines.filter((entry) => entry['event'] === 'turn.end')).toHaveLength(400 - log.stats.dropped);
    const told = lines.filter((entry) => entry['event'] === 'telemetry.drop');
    expect(told.reduce((sum, entry) => sum + Number(entry['dropped']), 0)).toBe(log.stats.dropped);
  });

  test('closes in bounded time although nobody reads', async () => {
    const far = pipe();
    const log = openLog({
      fd: far.writeEnd,
      format: 'json',
      level: 'info',
      service: 's',
      version: 'v',
      writer: { closeTimeoutMs: 20 },
    });
    for (let i = 0; i < 200; i += 1) log.info('turn.end', 'turn ended', { filler: 'x'.repeat(2000) });
    await log.close();
    expect(log.stats.dropped).toBeGreaterThan(0);
    expect(writeSync(far.writeEnd, '')).toBe(0); // the descriptor is still its owner's
    far.close();
  });

  test('goes on in silence when its descriptor breaks', async () => {
    const fd = openSync(join(folder, 'readonly'), constants.O_RDONLY | constants.O_CREAT);
    const log = openLog({ fd, format: 'json', level: 'info', service: 's', version: 'v' });
    log.info('process.start', 'start');
    await log.close();
    closeSync(fd);
    expect(log.stats.dropped).toBe(1);
  });
});

test('a clock that is set back does not silence a key', () => {
  const limit = new RepeatLimit();
  expect(limit.admit('a', 10_000)).toBe(0);
  expect(limit.admit('a', 10_999)).toBeUndefined();
  expect(limit.admit('a', 500)).toBe(1);
});

test('beyond their limit, keys share one line a second instead of memory', () => {
  const limit = new RepeatLimit();
  const admitted = Array.from({ length: 1000 }, (_, i) => limit.admit(`key ${i}`, 0)).filter((n) => n === 0);
  expect(admitted).toHaveLength(257);
  expect(limit.untold).toBe(743);
});

test('fields of an exception carry its place and never its message', () => {
  const error = Object.assign(new TypeError('line one sk-secret\n    and more of it'), { code: 'E_X' });
  const fields = errorFields(error);
  expect(fields).toMatchObject({ err_name: 'TypeError', err_code: 'E_X' });
  expect(fields['err_stack']).toMatch(/^ {4}at .*log\.test\.ts/);
  expect(JSON.stringify(fields)).not.toMatch(/secret|more of it/);
  expect(errorFields('text')).toEqual({ err_name: 'string' });
});
