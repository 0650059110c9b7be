/** The network between an HTTP client and the bridge: whatever breaks, the provider works for nobody. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { AcceptedSockets } from '../harness/accepted-sockets.ts';
import { openFlakyProxy } from '../harness/flaky-proxy.ts';
import { openRawSocket } from '../harness/raw-http.ts';
import { until, within } from '../harness/wait-for.ts';
import type { Place } from '../harness/wire-place.ts';
import { openScene, settled, type Scene } from '../protocol/scene.ts';

interface Cell {
  readonly phase: string;
  readonly fault: 'cut' | 'reset';
  readonly place: Place;
  /** How the provider's side of the turn ends; undefined where it never hears of it. */
  readonly provider: 'client-closed' | undefined;
}

const places: readonly (Pick<Cell, 'phase' | 'provider'> & { readonly place: Place })[] = [
  {
    phase: 'inside the body',
    place: { way: 'toTarget', behind: '\r\n\r\n', bytes: 10 },
    provider: undefined,
  },
  { phase: 'before the headers of the answer', place: { way: 'toClient' }, provider: 'client-closed' },
  {
    phase: 'inside an event',
    place: { way: 'toClient', behind: 'response.output_text.delta', bytes: 5 },
    provider: 'client-closed',
  },
];

const cells: readonly Cell[] = places.flatMap((each) =>
  (['cut', 'reset'] as const).map((fault): Cell => ({ ...each, fault })),
);

let scene: Scene;

beforeAll(async () => {
  scene = await openScene({ script: [{ text: 'on and on ', repeat: 100_000, delayMs: 5 }] });
});

afterAll(async () => {
  await scene[Symbol.asyncDispose]();
});

test.each(cells)('$phase, $fault: the provider is stopped, and nothing stays', async (cell) => {
  const before = scene.provider.requests.length;
  using accepted = new AcceptedSockets(scene.bridge.port);
  await using proxy = await openFlakyProxy(scene.bridge.port);
  const struck = proxy.at(cell.place, () => proxy[cell.fault]());
  await using raw = await openRawSocket(proxy.port);
  const body = JSON.stringify({ model: 'm', input: 'hi', stream: true });
  raw.write(`POST /v1/responses HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
  await within(struck, `the place ${cell.phase}`);
  await until(() => accepted.areGone, 'the bridge to let go');
  await settled(scene.bridge);
  const requests = scene.provider.requests.slice(before);
  const ends = await within(Promise.all(requests.map(({ closed }) => closed)), 'the end of the request');
  expect(ends.map(({ how }) => how)).toEqual(cell.provider === undefined ? [] : [cell.provider]);
});
