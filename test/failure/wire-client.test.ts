/** Every fault of the network between a client and the bridge, at every byte that makes a difference. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AcceptedSockets } from '../harness/accepted-sockets.ts';
import type { TestBridge } from '../harness/bridge.ts';
import { connect, type TestClient } from '../harness/connect.ts';
import { openFlakyProxy } from '../harness/flaky-proxy.ts';
import { until, within } from '../harness/wait-for.ts';
import { openScene, said, textOf, type JsonObject, type Scene } from '../protocol/scene.ts';
import type { AnswerFunction } from '../../src/scripted/script.ts';
import { clientPhases, type ClientPhase, type Does } from './wire-client-cells.ts';
import { tableBelow } from './reliability-page.ts';
import { faultNames, faults, type Fault } from './wire-provider-cells.ts';

/** Short, but long enough for all cells at once on a busy machine. */
const pingIntervalMs = 1_500;
/** Two pings without an answer are seen at the third, and looked for every half second. */
const pongLimitMs = 3 * pingIntervalMs + 500;
/** How long a client may take for its request's head, as docs/architecture.md says; looked for every second. */
const headLimitMs = 10_000;
/** What a busy machine may add to a limit. */
const lateMs = 5000;
/** How long is waited for what has no limit of its own. */
const patienceMs = 15_000;

/**
 * From the fault until the bridge has let go, in milliseconds: by the clock at least so many, and at most so many in
 * which this process was awake.
 */
const letGoWithin: Readonly<
  Record<Exclude<Does, 'serves it'>, { readonly from: number; readonly to: number }>
> = {
  'lets go at once': { from: 0, to: pongLimitMs },
  'lets go after two pings': { from: pingIntervalMs, to: pongLimitMs + lateMs },
  'lets go after 10 s': { from: headLimitMs - 500, to: headLimitMs + lateMs },
};

const text = 'Some words, and 漢字 that take three bytes each.';
/** A request of more than one packet. */
const input = [said('x'.repeat(5000))];

interface Cell {
  readonly phase: ClientPhase;
  readonly fault: Fault;
  readonly does: Does;
}

const cells: readonly Cell[] = clientPhases.flatMap((phase) =>
  faultNames.map((fault): Cell => ({ phase, fault, does: phase.does[fault] })),
);

interface Outcome {
  /** Of the turn that met the fault; undefined when its connection was let go. */
  readonly answer: readonly JsonObject[] | undefined;
  /** From the fault until the bridge had ended its side and counted nothing any more; undefined where it serves. */
  readonly letGoMs: number | undefined;
  /** Of a turn on another connection over the same line, once the line was well again. */
  readonly next: readonly JsonObject[];
  /** How the provider's side of each of the client's turns ended. */
  readonly ends: readonly string[];
  /** Why connections were closed, as the log has it. */
  readonly closeReasons: readonly unknown[];
}

const outcomes = new Map<Cell, Promise<Outcome>>();

/** Where the provider is to be stopped in the middle, its answer has no end of its own. */
function openCell({ phase, does }: Cell): Promise<Scene> {
  const isEndless = phase.isAnswering === true && does !== 'serves it';
  const script: AnswerFunction = ({ body }) =>
    isEndless && body.model === 'struck'
      ? [{ text: `${text} `, repeat: 100_000, delayMs: 5 }]
      : [{ text, chunkBytes: 12 }];
  return openScene({ script, settings: { pingIntervalMs } });
}

/** Each cell has a bridge of its own: what that counts is about this line alone. */
async function run(cell: Cell): Promise<Outcome> {
  const { phase, fault, does } = cell;
  const isServed = does === 'serves it';
  await using scene = await openCell(cell);
  const { bridge, provider } = scene;
  using accepted = new AcceptedSockets(bridge.port);
  await using proxy = await openFlakyProxy(bridge.port);
  const url = `http://127.0.0.1:${proxy.port}/v1/responses`;
  let letGo: Promise<number> | undefined;
  const strike = (): void => {
    const struckAt = performance.now();
    faults[fault](proxy);
    if (isServed) return;
    // not what the line shows: a reset ends it without the bridge
    const hasLetGo = (): boolean => accepted.areGone && hasNothing(bridge);
    letGo = until(hasLetGo, 'the bridge to let go', letGoWithin[does].to).then(
      () => performance.now() - struckAt,
    );
    letGo.catch(() => undefined); // it is awaited below
  };
  const watch = (): Promise<void> =>
    phase.place === undefined ? Promise.resolve(strike()) : proxy.at(phase.place, strike);
  let client: TestClient | undefined;
  let struck: Promise<void> | undefined;
  if (phase.after === 'nothing') struck = watch();
  // A handshake that meets silence has no end of its own.
  const isInVain = phase.after === 'nothing' && fault === 'silence';
  const opening = connect(url, { timeoutMs: isInVain ? 5000 : patienceMs });
  if (isServed || phase.after !== 'nothing') client = await opening;
  else
    await opening.then(
      () => undefined,
      () => undefined,
    ); // it may hear of the fault, or wait in vain
  if (phase.after === 'turn') await turn(client!, 'struck');
  struck ??= watch();
  if (client !== undefined && (isServed || phase.after === 'upgrade')) {
    client.create({ model: 'struck', input });
  }
  await within(struck, `the place ${phase.phase}`, patienceMs);
  const answer = isServed ? await client!.events({ timeoutMs: patienceMs }) : undefined;
  const letGoMs = await letGo;
  proxy.restore();
  await using other = await connect(url);
  const next = await turn(other, 'another');
  client?.terminate();
  const requests = provider.requests.filter(({ body }) => body.model === 'struck');
  const closed = await within(Promise.all(requests.map((each) => each.closed)), 'the end of the requests');
  other.terminate();
  return { answer, letGoMs, next, ends: closed.map(({ how }) => how), closeReasons: await closings(bridge) };
}

function hasNothing({ bridge }: TestBridge): boolean {
  return bridge.connections === 0 && Object.values(bridge.usedBytes).every((bytes) => bytes === 0);
}

/** Resolves when the log has told of the end of every connection whose beginning it told of. */
function closings(bridge: TestBridge): Promise<unknown[]> {
  return until(() => {
    const lines = bridge.logs();
    const opened = lines.filter(({ event }) => event === 'connection.open');
    const closed = lines.filter(({ event }) => event === 'connection.close');
    return opened.length > 0 && closed.length === opened.length && closed.map((line) => line['close_reason']);
  }, 'the log to tell of every end');
}

function turn(client: TestClient, model: string): Promise<JsonObject[]> {
  client.create({ model, input });
  return client.events({ timeoutMs: patienceMs });
}

beforeAll(() => {
  for (const cell of cells) {
    const outcome = run(cell);
    outcome.catch(() => undefined); // its test hears of it
    outcomes.set(cell, outcome);
  }
});

afterAll(async () => {
  await Promise.allSettled(outcomes.values());
}, 60_000);

describe.each(clientPhases)('$phase', (phase) => {
  test.each(cells.filter((cell) => cell.phase === phase))(
    '$fault: the bridge notices within the limit, stops the provider, and serves another connection',
    async (cell) => {
      const { does } = cell;
      const { answer, letGoMs, next, ends, closeReasons } = await outcomes.get(cell)!;
      expect(textOf(next)).toBe(text);
      expect(answer && textOf(answer)).toBe(does === 'serves it' ? text : undefined);
      expect(letGoMs === undefined).toBe(does === 'serves it');
      expect(letGoMs ?? Infinity).toBeGreaterThan(does === 'serves it' ? 0 : letGoWithin[does].from);
      const isStopped = phase.isAnswering === true && does !== 'serves it';
      const turns = (phase.after === 'turn' ? 1 : 0) + (does === 'serves it' || isStopped ? 1 : 0);
      expect(ends).toEqual(Array<string>(turns).fill(isStopped ? 'client-closed' : 'finished'));
      // nothing else is found by pings
      expect(closeReasons.includes('no pong')).toBe(does === 'lets go after two pings');
    },
    30_000,
  );
});

test('docs/reliability.md shows this table: mend the page or wire-client-cells.ts', () => {
  expect(tableBelow('### Between a client and the bridge')).toEqual([
    ['the fault begins', ...faultNames],
    ...clientPhases.map(({ phase, does }) => [phase, ...faultNames.map((fault) => does[fault])]),
  ]);
});
