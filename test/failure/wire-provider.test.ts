/** Every fault of the network between bridge and provider, at every byte that makes a difference. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openFlakyProxy, type FlakyProxy } from '../harness/flaky-proxy.ts';
import { until, within } from '../harness/wait-for.ts';
import { routeTo } from '../harness/bridge.ts';
import type { TestClient } from '../harness/connect.ts';
import { openScene, textOf, type JsonObject, type Scene } from '../protocol/scene.ts';
import { tableBelow } from './reliability-page.ts';
import { endingOf, promisedEnding } from './turn-ending.ts';
import { faultNames, faults, providerPhases, type Fault, type ProviderPhase } from './wire-provider-cells.ts';

/** Of all limits: what is answered is answered sooner, though all cells run at once and the machine may stand still. */
const limitSeconds = 8;
const timeouts = {
  connectSeconds: limitSeconds,
  firstEventSeconds: limitSeconds,
  idleSeconds: limitSeconds,
  turnDeadlineSeconds: 60,
};
/** What a busy machine may add to a limit. */
const lateMs = 5000;

const text = 'Some words, and 漢字 that take three bytes each.';

interface Cell {
  readonly model: string;
  readonly phase: ProviderPhase;
  readonly fault: Fault;
}

const cells: readonly Cell[] = providerPhases.flatMap((phase, row) =>
  faultNames.map((fault): Cell => ({ model: `cell-${row}-${fault}`, phase, fault })),
);

/** What became of a cell. */
interface Outcome {
  readonly events: readonly JsonObject[];
  readonly tookMs: number;
  readonly next: readonly JsonObject[];
  /** Terminal events of the whole connection, in the order of its turns. */
  readonly endings: number;
  readonly letGo: number;
}

const terminalTypes: ReadonlySet<unknown> = new Set(['response.completed', 'response.failed', 'error']);
const proxies = new Map<string, FlakyProxy>();
const outcomes = new Map<Cell, Promise<Outcome>>();
let scene: Scene;

/** A route for each cell: its model leads through a proxy of its own, so that all of them can run at once. */
async function routes(providerUrl: string): Promise<string> {
  const documents: string[] = [];
  for (const { model } of cells) {
    const proxy = await openFlakyProxy(Number(new URL(providerUrl).port));
    proxies.set(model, proxy);
    const match = { models: [model] };
    documents.push(routeTo(`http://127.0.0.1:${proxy.port}/v1`, { name: model, match, timeouts }));
  }
  return documents.join('---\n');
}

function answered(client: TestClient, model: string): Promise<JsonObject[]> {
  client.create({ model });
  return client.events({ timeoutMs: 30_000 });
}

async function run({ model, phase, fault }: Cell): Promise<Outcome> {
  const proxy = proxies.get(model)!;
  const client = await scene.connect();
  const strike = (): Promise<void> => proxy.at(phase.place, () => faults[fault](proxy));
  let struck = phase.isSecondTurn && !phase.isIdle ? undefined : strike();
  if (phase.isSecondTurn) await answered(client, model);
  if (phase.isIdle) {
    await struck;
    if (fault === 'cut' || fault === 'reset') {
      await until(() => proxy.openConnections === 0, 'the bridge to see the end of the idle connection');
    }
  }
  struck ??= strike();
  const askedAt = performance.now();
  const events = await answered(client, model);
  const tookMs = performance.now() - askedAt;
  await within(struck, `the place ${phase.phase}`, lateMs);
  if (fault === 'silence' && events.at(-1)?.['type'] !== 'response.completed') {
    await until(() => proxy.endedByClient === 1, 'the bridge to let go of the silent connection');
  }
  const letGo = proxy.endedByClient;
  proxy.restore();
  const next = await answered(client, model);
  const endings = client.frames.filter(({ json }) => terminalTypes.has(json?.['type'])).length;
  return { events, tookMs, next, endings, letGo };
}

beforeAll(async () => {
  scene = await openScene({ routes, script: [{ text, chunkBytes: 12 }] });
  for (const cell of cells) {
    const outcome = run(cell);
    outcome.catch(() => undefined); // its test hears of it
    outcomes.set(cell, outcome);
  }
});

afterAll(async () => {
  await Promise.allSettled(outcomes.values());
  for (const proxy of proxies.values()) await proxy.close();
  await scene[Symbol.asyncDispose]();
}, 120_000);

describe.each(providerPhases)('$phase', (phase) => {
  test.each(cells.filter((cell) => cell.phase === phase))(
    '$fault: the client hears of it once, within the limit, and its next turn works',
    async (cell) => {
      const hears = phase.hears[cell.fault];
      const { events, tookMs, next, endings, letGo } = await outcomes.get(cell)!;
      const isTimeout = hears.endsWith('_timeout');
      expect(endingOf(events)).toEqual(promisedEnding(hears, phase.hasBegun));
      expect(hears === 'the answer' ? textOf(events) : text).toBe(text);
      expect(tookMs).toBeGreaterThan(isTimeout ? limitSeconds * 1000 - 100 : 0);
      expect(tookMs).toBeLessThan(limitSeconds * 1000 + lateMs);
      expect(letGo).toBeGreaterThanOrEqual(isTimeout ? 1 : 0);
      expect(endingOf(next)).toEqual(promisedEnding('the answer'));
      expect(textOf(next)).toBe(text);
      const turns = phase.isSecondTurn ? 3 : 2;
      expect(endings).toBe(turns);
      const requests = scene.provider.requests.filter(({ body }) => body.model === cell.model);
      expect(requests.length).toBeLessThanOrEqual(turns); // nothing is asked twice
    },
    60_000,
  );
});

test('docs/reliability.md shows this table: mend the page or wire-provider-cells.ts', () => {
  const documented = tableBelow('### Between the bridge and a provider');
  expect(documented).toEqual([
    ['the fault begins', ...faultNames],
    ...providerPhases.map(({ phase, hears }) => [phase, ...faultNames.map((fault) => hears[fault])]),
  ]);
});
