/** What the flags and the variables of OpenTelemetry say of traces, and what is said of those that make no sense. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parseTracing, readIdKey } from '../../cmd/telemetry-flags.ts';
import { UsageError } from '../../cmd/exits.ts';

const OWN = 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT';
const GENERAL = 'OTEL_EXPORTER_OTLP_ENDPOINT';

describe('where traces go', () => {
  test.each([
    ['nowhere, unless somebody says so', '', {}, undefined],
    ['below the base of the flag', 'http://c:4318', {}, 'http://c:4318/v1/traces'],
    ['below a base with a path', 'https://c/otlp/', {}, 'https://c/otlp/v1/traces'],
    ['to the whole address, if it is one', 'http://c:4318/v1/traces', {}, 'http://c:4318/v1/traces'],
    ['and a slash at its end is none of it', 'http://c:4318/v1/traces/', {}, 'http://c:4318/v1/traces'],
    ['below the general variable', '', { [GENERAL]: 'http://c:4318' }, 'http://c:4318/v1/traces'],
    ['exactly to the variable for traces', '', { [OWN]: 'http://c:4318/x' }, 'http://c:4318/x'],
    ['to that rather than the general one', '', { [OWN]: 'http://t/x', [GENERAL]: 'http://g' }, 'http://t/x'],
    [
      'to the flag rather than both',
      'http://f',
      { [OWN]: 'http://t', [GENERAL]: 'http://g' },
      'http://f/v1/traces',
    ],
    ['nowhere with empty variables', '', { [OWN]: '', [GENERAL]: '' }, undefined],
    ['nowhere when the SDK is disabled', 'http://f', { OTEL_SDK_DISABLED: 'TRUE' }, undefined],
    ['nowhere when the exporter is none', 'http://f', { OTEL_TRACES_EXPORTER: 'none' }, undefined],
  ])('%s', (_what, flag, env, url) => {
    expect(parseTracing(flag, '', env)?.url).toBe(url);
  });

  test.each([
    'collector:4318',
    'not an address',
    'ftp://c',
    'http://user:secret@c',
    'http://secret@c',
    'http://c:4318/v1/traces?key=secret',
    'http://c:4318#secret',
  ])('not to %s, and the address is not quoted', (address) => {
    for (const parse of [
      () => parseTracing(address, '', {}),
      () => parseTracing('', '', { [OWN]: address }),
      () => parseTracing('', '', { [GENERAL]: address }),
    ]) {
      expect(parse).toThrow(UsageError);
      expect(parse).toThrow(/is no address that traces can be sent to: write http:\/\/HOST:4318/);
      expect(parse).not.toThrow(/secret|ftp|not an address/);
    }
  });

  test.each(['OTEL_EXPORTER_OTLP_PROTOCOL', 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'])(
    'not by gRPC, which %s asks for: another receiver has to be named',
    (name) => {
      const env = { [GENERAL]: 'http://c:4317', [name]: 'grpc' };
      expect(() => parseTracing('', '', env)).toThrow(UsageError);
      expect(() => parseTracing('', '', env)).toThrow(/over HTTP only: name an OTLP\/HTTP receiver/);
      expect(parseTracing('http://f', '', env)?.url).toBe('http://f/v1/traces');
    },
  );
});

describe('the share of traces that are kept', () => {
  test.each([
    ['', {}, 1],
    ['0', {}, 0],
    ['0.25', {}, 0.25],
    ['1', {}, 1],
    ['', { OTEL_TRACES_SAMPLER_ARG: '0.5' }, 0.5],
    ['0.25', { OTEL_TRACES_SAMPLER_ARG: '0.5' }, 0.25],
    ['0', { OTEL_TRACES_SAMPLER_ARG: '0.5' }, 0],
    ['', { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.5' }, 0.5],
    ['', { OTEL_TRACES_SAMPLER: 'parentbased_always_off' }, 0],
    ['', { OTEL_TRACES_SAMPLER: 'always_on', OTEL_TRACES_SAMPLER_ARG: '0.5' }, 1],
    ['', { OTEL_TRACES_SAMPLER: 'jaeger_remote', OTEL_TRACES_SAMPLER_ARG: 'endpoint=http://x' }, 1],
    ['', { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.5' }, 0.5],
    ['', { OTEL_TRACES_SAMPLER: 'always_off' }, 0],
    ['1', { OTEL_TRACES_SAMPLER: 'always_off' }, 1],
    ['', { OTEL_TRACES_SAMPLER: 'jaeger_remote', OTEL_TRACES_SAMPLER_ARG: 'endpoint=http://x' }, 1],
    ['', { OTEL_TRACES_SAMPLER: 'always_on', OTEL_TRACES_SAMPLER_ARG: '0.5' }, 1],
  ])('with the flag "%s" and %j is %d', (flag, env, ratio) => {
    expect(parseTracing('http://c', flag, env)?.ratio).toBe(ratio);
  });

  test.each(['-0.1', '1.1', 'all', '10%', 'NaN', 'Infinity', '0,5'])('is not "%s"', (text) => {
    expect(() => parseTracing('http://c', text, {})).toThrow(
      `--trace-ratio is a share from 0 to 1, not "${text}"`,
    );
  });

  test('of another program is no reason not to start where there are no traces', () => {
    expect(parseTracing('', '', { OTEL_TRACES_SAMPLER_ARG: 'endpoint=http://x' })).toBeUndefined();
  });

  test('is looked at also where there are no traces: a wrong word is wrong', () => {
    expect(() => parseTracing('', 'all', {})).toThrow(UsageError);
  });
});

describe('the key of session ids', () => {
  async function keyFile(bytes: Buffer) {
    const folder = await mkdtemp(join(tmpdir(), 'turnbridge-test-'));
    const path = join(folder, 'key');
    await writeFile(path, bytes);
    return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
  }

  test('is what the file holds, byte for byte', async () => {
    await using file = await keyFile(Buffer.alloc(16, 0x0a));
    expect(readIdKey(file.path)).toEqual(Buffer.alloc(16, 0x0a));
  });

  test('is random without a file, and another one each time', () => {
    expect(readIdKey('')).toHaveLength(32);
    expect(readIdKey('').equals(readIdKey(''))).toBe(false);
  });

  test('is not short, and not of a file that cannot be read', async () => {
    await using file = await keyFile(Buffer.alloc(15, 1));
    expect(() => readIdKey(file.path)).toThrow(/has 15 bytes; write 16 random ones or more into it/);
    expect(() => readIdKey(`${file.path}-elsewhere`)).toThrow(/cannot be read \(ENOENT\); name a file/);
    expect(() => readIdKey(`${file.path}-elsewhere`)).toThrow(UsageError);
  });
});

test('a receiver is named by its address alone; a slash at the end changes nothing', () => {
  expect(parseTracing('http://c:4318/v1/traces/', '', {})?.url).toBe('http://c:4318/v1/traces');
  expect(parseTracing('http://c:4318/otlp/', '', {})?.url).toBe('http://c:4318/otlp/v1/traces');
  expect(() => parseTracing('http://c:4318/?token=x', '', {})).toThrow(UsageError);
});

test('traces that are to go over gRPC are refused with a sentence, not lost', () => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4317', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' };
  expect(() => parseTracing('', '', env)).toThrow('sent over HTTP only');
  expect(parseTracing('http://c:4318', '', env)?.url).toBe('http://c:4318/v1/traces');
});
