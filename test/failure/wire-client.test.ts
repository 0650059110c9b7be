/** Every fault of the network between a client and the bridge, at every byte that makes a difference. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect, type TestClient } from '../harness/connect.ts';
import { openFlakyProxy, type FlakyProxy } from '../harness/flaky-proxy.ts';
import { until, within } from '../harness/wait-for.ts';
import { logged, openScene, said, textOf, type JsonObject, type Scene } from '../protocol/scene.ts';
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

/** From the fault until the bridge has let go, in milliseconds. */
const letGoWithin: Readonly<Record<Does, { readonly from: number; readonly to: number }>> = {
  'serves it': { from: 0, to: Infinity },
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
  readonly model: string;
}

const cells: readonly Cell[] = clientPhases.flatMap((phase, row) =>
  faultNames.map((fault): Cell => ({ phase, fault, model: `${row}-${fault}` })),
);

/** Where the provider is to be stopped in the middle, its answer has no end of its own. */
const script: AnswerFunction = ({ body }) => {
  const cell = cells.find(({ model }) => model === body.model);
  const isEndless = cell?.phase.isAnswering === true && cell.phase.does[cell.fault] !== 'serves it';
  return isEndless ? [{ text: `${text} `, repeat: 100_000, delayMs: 5 }] : [{ text, chunkBytes: 12 }];
};

interface Outcome {
  /** Of the turn that met the fault; undefined when its connection was let go. */
  readonly answer: readonly JsonObject[] | undefined;
  /** From the fault until the bridge had ended its side. */
  readonly letGoMs: number;
  /** Of a turn on another connection over the same line, once the line was well again. */
  readonly next: readonly JsonObject[];
}

const proxies: FlakyProxy[] = [];
const outcomes = new Map<Cell, Promise<Outcome>>();
let scene: Scene;

async function run(cell: Cell): Promise<Outcome> {
  const { phase, fault, model } = cell;
  const isServed = phase.does[fault] === 'serves it';
  const proxy = await openFlakyProxy(scene.bridge.port);
  proxies.push(proxy);
  const url = `http://127.0.0.1:${proxy.port}/v1/responses`;
  let struckAt = 0;
  const strike = (): void => {
    struckAt = performance.now();
    faults[fault](proxy);
  };
  const watch = (): Promise<void> =>
    phase.place === undefined ? Promise.resolve(strike()) : proxy.at(phase.place, strike);
  let client: TestClient | undefined;
  let struck: Promise<void> | undefined;
  if (phase.after === 'nothing') struck = watch();
  // A handshake that meets silence has no end of its own.
  const isInVain = phase.after === 'nothing' && fault === 'silence';
  const opening = connect(url, { timeoutMs: isInVain ? 1000 : patienceMs });
  if (isServed || phase.after !== 'nothing') client = await opening;
  else
    await opening.then(
      () => undefined,
      () => undefined,
    ); // it may hear of the fault, or wait in vain
  if (phase.after === 'turn') await turn(client!, model);
  struck ??= watch();
  if (client !== undefined && (isServed || phase.after === 'upgrade')) client.create({ model, input });
  await within(struck, `the place ${phase.phase}`, patienceMs);
  let answer: readonly JsonObject[] | undefined;
  if (isServed) answer = await client!.events({ timeoutMs: patienceMs });
  else await until(() => proxy.endedByTarget === 1, 'the bridge to let go', headLimitMs + lateMs);
  const letGoMs = performance.now() - struckAt;
  proxy.restore();
  await using other = await connect(url);
  const next = await turn(other, 'another');
  client?.terminate();
  return { answer, letGoMs, next };
}

function turn(client: TestClient, model: string): Promise<JsonObject[]> {
  client.create({ model, input });
  return client.events({ timeoutMs: patienceMs });
}

beforeAll(async () => {
  scene = await openScene({ script, settings: { pingIntervalMs } });
  for (const cell of cells) {
    const outcome = run(cell);
    outcome.catch(() => undefined); // its test hears of it
    outcomes.set(cell, outcome);
  }
});

afterAll(async () => {
  await Promise.allSettled(outcomes.values());
  for (const proxy of proxies) await proxy.close();
  await scene[Symbol.asyncDispose]();
}, 60_000);

const requestsOf = ({ model }: Cell) => scene.provider.requests.filter(({ body }) => body.model === model);

describe.each(clientPhases)('$phase', (phase) => {
  test.each(cells.filter((cell) => cell.phase === phase))(
    '$fault: the bridge notices within the limit, stops the provider, and serves another connection',
    async (cell) => {
      const does = phase.does[cell.fault];
      const { answer, letGoMs, next } = await outcomes.get(cell)!;
      expect(textOf(next)).toBe(text);
      expect(answer === undefined ? 'no answer' : textOf(answer)).toBe(
        does === 'serves it' ? text : 'no answer',
      );
      const { from, to } = letGoWithin[does];
      expect(letGoMs).toBeGreaterThan(from);
      expect(letGoMs).toBeLessThan(to);
      const requests = requestsOf(cell);
      const expected = does === 'serves it' || phase.isAnswering === true ? 1 : 0;
      expect(requests).toHaveLength(expected + (phase.after === 'turn' ? 1 : 0));
      for (const request of requests) {
        const { how } = await within(request.closed, 'the end of the request');
        expect(how).toBe(phase.isAnswering && does !== 'serves it' ? 'client-closed' : 'finished');
      }
    },
    30_000,
  );
});

test('each silent connection is logged as one that answers no pings', async () => {
  await Promise.allSettled(outcomes.values());
  const silent = clientPhases.filter(({ does }) => does.silence === 'lets go after two pings').length;
  const lines = await logged(scene.bridge, 'connection.close', 1);
  expect(lines.filter((line) => line['close_reason'] === 'no pong')).toHaveLength(silent);
}, 30_000);

test('docs/reliability.md shows this table: mend the page or wire-client-cells.ts', () => {
  expect(tableBelow('### Between a client and the bridge')).toEqual([
    ['the fault begins', ...faultNames],
    ...clientPhases.map(({ phase, does }) => [phase, ...faultNames.map((fault) => does[fault])]),
  ]);
});
