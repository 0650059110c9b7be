/** A receiver of traces that is gone, refuses, stalls or cuts costs traces, which are counted, and never a turn. */
import { describe, expect, test } from '@jest/globals';
import { openOtlpReceiver, type OtlpReceiver } from '../harness/otlp-receiver.ts';
import type { ReceivedSpan } from '../harness/otlp-spans.ts';
import { until } from '../harness/wait-for.ts';
import { openBridgeProcess, toMib, type BridgeProcess } from './bridge-process.ts';
import { openLoadClients, type LoadClient } from './load-clients.ts';
import { openLoadProvider } from './load-provider.ts';
import { budgets, openLoadScene, tell } from './load-scene.ts';
import { residentBoundMib } from './resident-bound.ts';

const CLIENTS = 50;
const TURNS_PER_SECOND = 50;
const PHASE_MS = 3_000;
/** More spans than may wait (8,192), at three for each turn. */
const FLOOD_TURNS = 3_500;
/** Spans of a queue that is nearly full, and those that leave together. */
const NEARLY_FULL = 7_000;
const BATCH = 128;
/** OpenTelemetry itself has 40 MiB, the spans that wait 26. */
const TRACING_MIB = 66;
/** A machine that was busy elsewhere makes late once, a fault makes late each time: it is looked so often. */
const LOOKS = 3;
/** Until something that must happen is given up. */
const GIVE_UP_MS = 60_000;
/** Until spans that nobody speaks of are missing, once the process is gone. */
const TELL_MS = 30_000;
/**
 * Beside turns without traces in the same seconds: three times as long is a noisy machine. A turn that waited for the
 * receiver would wait a second at least, which is the pause before it is tried again, and ten until it is given up. A
 * batch leaves once a second here: one that held the process for a tenth of that would be seen in p90, and whatever
 * every turn paid in p50.
 */
const MAX_TIMES = 3;
const MAX_MORE_MS = { p50: 5, p90: 50, p99: 500 };

interface Latencies {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

interface TracedScene extends AsyncDisposable {
  readonly bridge: BridgeProcess;
  readonly receiver: OtlpReceiver;
  readonly clients: readonly LoadClient[];
  /** Spans so far by what became of them, and those that wait. */
  spans(): Promise<Record<'exported' | 'dropped' | 'failed' | 'queued', number>>;
}

async function openTracedScene(clients: number, flags: readonly string[] = []): Promise<TracedScene> {
  const receiver = await openOtlpReceiver();
  const provider = await openLoadProvider();
  const bridge = await openBridgeProcess({
    providerUrl: provider.url,
    budgets,
    flags: [`--otlp-endpoint=${receiver.baseUrl}`, ...flags],
  });
  const opened = await openLoadClients(bridge.socketUrl, clients);
  return {
    bridge,
    receiver,
    clients: opened,
    spans: async () => {
      const metrics = await bridge.metrics();
      const result = (name: string): number =>
        metrics.get(`turnbridge_spans_total{result="${name}"}`) ?? Number.NaN;
      return {
        exported: result('exported'),
        dropped: result('dropped'),
        failed: result('failed'),
        queued: metrics.get('turnbridge_span_queue_length') ?? Number.NaN,
      };
    },
    [Symbol.asyncDispose]: async () => {
      for (const client of opened) client.leave();
      await bridge[Symbol.asyncDispose]();
      await provider[Symbol.asyncDispose]();
      await receiver.close();
    },
  };
}

/** Turns at a pace, each on the next client in turn. Resolves when the last has ended; each must end well. */
async function steadily(clients: readonly LoadClient[]): Promise<Latencies> {
  const turns: Promise<number>[] = [];
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const timer = setInterval(() => {
    turns.push(timed(clients[turns.length % clients.length]!));
    if (turns.length >= (PHASE_MS / 1000) * TURNS_PER_SECOND) resolve();
  }, 1000 / TURNS_PER_SECOND);
  await over;
  clearInterval(timer);
  const sorted = (await Promise.all(turns)).toSorted((a, b) => a - b);
  const at = (share: number): number =>
    Math.round((sorted[Math.floor(sorted.length * share)] ?? 0) * 10) / 10;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99) };
}

/** @returns milliseconds */
async function timed(client: LoadClient): Promise<number> {
  const begun = performance.now();
  const { type, code } = await client.ask('say-1');
  if (type !== 'response.completed') throw new Error(`a turn ended with ${type} ${code}`);
  return performance.now() - begun;
}

/** Back to back on each client. */
async function asFastAsPossible(clients: readonly LoadClient[], turns: number): Promise<void> {
  let left = turns;
  const work = async (client: LoadClient): Promise<void> => {
    while (left-- > 0) await timed(client);
  };
  await Promise.all(clients.map(work));
}

/** What was not good is looked at again. @returns what was seen last */
async function again<T>(look: () => Promise<T>, isGood: (seen: T) => boolean): Promise<T> {
  for (let looks = 1; ; looks++) {
    // oxlint-disable-next-line no-await-in-loop -- one look after the other is the point
    const seen = await look();
    if (looks === LOOKS || isGood(seen)) return seen;
  }
}

/** Turns at a pace, with traces and without: which figures of the former are beyond what the machine explains. */
async function slowFigures(
  name: string,
  traced: readonly LoadClient[],
  untraced: readonly LoadClient[],
): Promise<readonly string[]> {
  const [is, beside] = await Promise.all([steadily(traced), steadily(untraced)]);
  tell(`receiver ${name}`, { ...is });
  tell('  without traces', { ...beside });
  return (['p50', 'p90', 'p99'] as const).filter(
    (which) => is[which] > MAX_TIMES * beside[which] + MAX_MORE_MS[which],
  );
}

/** What befalls the receiver, in this order. */
const TROUBLES: readonly (readonly [name: string, begin: (receiver: OtlpReceiver) => unknown])[] = [
  ['is well', () => undefined],
  ['is gone', (receiver) => receiver.down()],
  [
    'is back, and has no time (503)',
    async (receiver) => {
      receiver.be(503);
      await receiver.up();
    },
  ],
  ['refuses for good (400)', (receiver) => receiver.be(400)],
  ['cuts connections', (receiver) => receiver.be('reset')],
  ['never answers', (receiver) => receiver.be('stall')],
];

describe('a receiver of traces in trouble', () => {
  test('slows no turn; what is lost is counted, bounded and told in few words; then all goes on', async () => {
    await using scene = await openTracedScene(CLIENTS);
    const { bridge, receiver, clients } = scene;
    await using beside = await openLoadScene('without traces');
    const untraced = await beside.connect(CLIENTS);
    await Promise.all([clients, untraced].map(steadily)); // code is compiled, connections are dialled
    const begun = performance.now();
    await until(async () => (await scene.spans()).queued === 0, 'the first spans to be taken', GIVE_UP_MS);
    expect(await scene.spans()).toMatchObject({ dropped: 0, failed: 0 });

    for (const [name, begin] of TROUBLES) {
      await begin(receiver);
      const slow = await again(
        () => slowFigures(name, clients, untraced),
        (figures) => figures.length === 0,
      );
      expect({ name, slow }).toEqual({ name, slow: [] });
    }
    await asFastAsPossible(clients, FLOOD_TURNS);
    const full = await scene.spans();
    expect(full.dropped).toBeGreaterThan(0);
    expect(full.failed).toBeGreaterThan(0);
    expect(full.queued).toBeLessThanOrEqual(8_192);
    const peak = toMib(await bridge.peak());
    tell('receiver stalled', { ...full, peak });
    expect(peak).toBeLessThan(
      residentBoundMib({ connections: CLIENTS, streams: CLIENTS }, budgets) + TRACING_MIB,
    );

    receiver.be('take');
    // a batch that is stalled is given up after ten seconds
    await until(
      async () => (await scene.spans()).queued === 0,
      'the spans that wait to be taken',
      GIVE_UP_MS,
    );
    const { exported, dropped, failed } = await scene.spans();
    await asFastAsPossible(clients, CLIENTS);
    await until(
      async () => (await scene.spans()).exported >= exported + 3 * CLIENTS,
      'new spans to be taken',
      GIVE_UP_MS,
    );
    expect(await scene.spans()).toMatchObject({ dropped, failed });

    const seconds = (performance.now() - begun) / 1000;
    const lines = bridge.warnings.filter(({ event }) => event === 'telemetry.drop');
    tell('receiver back', { exported, dropped, failed, lines: lines.length, seconds });
    expect(new Set(lines.map(({ result }) => result))).toEqual(new Set(['dropped', 'failed']));
    expect(lines.length).toBeLessThan(2 * seconds);
    expect(lines.length).toBeLessThan(dropped / 10);
  }, 300_000);
});

/** The turn, and below it what was asked of a model, and of a provider. */
const SPANS_OF_TURN = 3;
const TURN = 'response.create';
/** Not of connections, the client's and those to the provider. */
const isOfTurn = ({ name }: ReceivedSpan): boolean => name === TURN || /^(?:chat|POST) /.test(name);

/** What became of spans when the process left: it has three seconds for them, and tells how many it could not send. */
interface Left {
  readonly expected: number;
  readonly came: readonly ReceivedSpan[];
}

const isAllThere = ({ expected, came }: Left): boolean => came.length >= expected;

/** SIGTERM. None may be lost without a word, however busy the machine is; what is not told by then is missing. */
async function leave(
  { bridge, receiver }: TracedScene,
  expected: number,
  isWanted: (span: ReceivedSpan) => boolean = () => true,
): Promise<Left> {
  const before = receiver.spans.length;
  await bridge.stop();
  const came = (): readonly ReceivedSpan[] => receiver.spans.slice(before).filter(isWanted);
  const unsent = (): number =>
    bridge.warnings
      .filter(({ result }) => result === 'unsent')
      .reduce((sum, { spans }) => sum + Number(spans), 0);
  const isTold = (): boolean => came().length + unsent() >= expected;
  await until(isTold, 'spans that did not come to be told', TELL_MS).catch(() => undefined);
  tell('end', { expected, came: came().length, unsent: unsent() });
  return { expected, came: came() };
}

async function leaveWithTurns(): Promise<Left> {
  await using scene = await openTracedScene(10, ['--drain-deadline=1', '--drain-linger=0']);
  const { clients } = scene;
  for (const client of clients) client.create('drip-50');
  await until(() => clients.every(({ heard }) => heard > 2), 'every turn to be under way', GIVE_UP_MS);
  return await leave(scene, SPANS_OF_TURN * clients.length, isOfTurn);
}

async function leaveWithQueue(): Promise<Left> {
  await using scene = await openTracedScene(CLIENTS);
  const { receiver, clients } = scene;
  receiver.be('stall');
  const isNearlyFull = async (): Promise<boolean> => {
    await asFastAsPossible(clients, 300);
    return (await scene.spans()).queued >= NEARLY_FULL;
  };
  await until(isNearlyFull, 'the queue to fill', 2 * GIVE_UP_MS);
  const { dropped, queued } = await scene.spans();
  expect(dropped).toBe(0);
  receiver.be('take');
  return await leave(scene, queued - BATCH); // the batch that was stalled is given up
}

/** @returns seconds that it takes to leave while its receiver stalls */
async function leaveStalled(): Promise<number> {
  await using scene = await openTracedScene(10);
  const { bridge, receiver, clients } = scene;
  receiver.be('stall');
  await asFastAsPossible(clients, 1_000);
  const begun = performance.now();
  await bridge.stop(); // an exit code of 0 is asked for there
  const seconds = (performance.now() - begun) / 1000;
  tell('end with a stalled receiver', { seconds });
  return seconds;
}

describe('the end of a bridge with traces', () => {
  test('takes along the spans of turns that were drained', async () => {
    const { expected, came } = await again(leaveWithTurns, isAllThere);
    expect(came).toHaveLength(expected);
    const outcomes = came
      .filter(({ name }) => name === TURN)
      .map(({ attributes, status }) => `${String(attributes['turnbridge.outcome'])} ${status}`);
    expect(outcomes).toEqual(Array.from({ length: expected / SPANS_OF_TURN }, () => 'drained error'));
  }, 240_000);

  test('takes along a queue that is nearly full', async () => {
    const { expected, came } = await again(leaveWithQueue, isAllThere);
    expect(came.length).toBeGreaterThanOrEqual(expected);
  }, 600_000);

  test('does not wait for a receiver that never answers', async () => {
    // three seconds for the spans; what is more is the machine
    const isSoon = (seconds: number): boolean => seconds < 8;
    expect(isSoon(await again(leaveStalled, isSoon))).toBe(true);
  }, 240_000);
});
