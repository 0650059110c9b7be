/**
 * Mixed traffic for some time, in rounds; after each round everybody leaves, and what is left is looked at. Twenty
 * seconds by default; TURNBRIDGE_SOAK_MINUTES=60 for an hour.
 */
import { expect, test } from '@jest/globals';
import { until } from '../harness/wait-for.ts';
import { emptied, toMib } from './bridge-process.ts';
import { type HeapFigures, type Inspector, openInspector } from './inspector.ts';
import { type LoadClient, openLoadClient } from './load-clients.ts';
import { type LoadScene, openLoadScene, tell } from './load-scene.ts';

const minutes = Number(process.env['TURNBRIDGE_SOAK_MINUTES'] ?? '0');
const roundMs = minutes > 0 ? 15_000 : 3_000;
/** The first rounds warm up: code is compiled, the heap finds its size. */
const rounds = minutes > 0 ? Math.max(8, Math.ceil((minutes * 60_000) / roundMs)) : 7;
const workers = 40;

interface Sample extends HeapFigures {
  readonly resident: number;
  readonly descriptors: number;
}

/** What a worker does next; `undefined`: its connection is gone, and it opens another. */
type Step = (client: LoadClient, scene: LoadScene) => Promise<LoadClient | undefined>;

const asks: Step = async (client) => {
  const first = await client.ask('say-4');
  for (let turn = 0; turn < 3; turn++) {
    // oxlint-disable-next-line no-await-in-loop -- one continues the other
    await client.ask('say-2', { previous_response_id: first.responseId });
  }
  return client;
};

const asksInLanes: Step = async (client) => {
  const lanes = ['a', 'b', 'c'];
  await Promise.all(lanes.map((lane) => client.ask('say-1', { stream_id: lane })));
  return client;
};

const failing =
  (model: 'error' | 'reset'): Step =>
  async (client) => {
    await client.ask(model);
    return client;
  };

const talksNonsense: Step = async (client) => {
  client.ws.send('{"type":"response.create",');
  await client.ending();
  return client;
};

const reads: Step = async (client) => {
  await client.ask('flood-1');
  return client;
};

/** Leaves in the middle of a turn, with a word or without. */
const leaves: Step = async (client) => {
  const heard = client.heard;
  client.create('drip-5');
  await until(() => client.heard > heard + 1, 'a turn to run', 30_000);
  if (heard % 2 === 0) client.leave();
  else client.ws.close();
  await client.closed;
  return undefined;
};

const posts: Step = async (client, scene) => {
  const answer = await fetch(`${scene.bridge.url}/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({ model: 'say-1', input: 'go', stream: heardIsEven(client) }),
  });
  await answer.arrayBuffer();
  return client;
};

function heardIsEven({ heard }: LoadClient): boolean {
  return heard % 2 === 0;
}

const steps: readonly Step[] = [
  asks,
  asksInLanes,
  failing('error'),
  failing('reset'),
  talksNonsense,
  reads,
  leaves,
  posts,
];

/** One worker after the other begins at another step, so that all run beside each other. */
async function work(scene: LoadScene, first: number, untilMs: number): Promise<void> {
  let client: LoadClient | undefined;
  for (let n = first; performance.now() < untilMs; n++) {
    // oxlint-disable no-await-in-loop -- a worker does one thing after the other
    client ??= await openLoadClient(scene.bridge.socketUrl);
    client = await steps[n % steps.length]!(client, scene);
    // oxlint-enable no-await-in-loop
  }
  client?.leave();
}

/** Routes change while turns run: connections are judged again, and pools of providers replaced. */
async function reload(scene: LoadScene, round: number): Promise<void> {
  const limits = { maxConnectionsPerClient: 5_000 + round };
  await scene.bridge.setRoute({ limits, timeouts: { connectSeconds: 5 + (round % 2) } });
}

async function sample(scene: LoadScene, inspector: Inspector): Promise<Sample> {
  await emptied(scene.bridge);
  scene.provider.dropIdle();
  const figures = await inspector.collected();
  return {
    ...figures,
    resident: await scene.bridge.resident(),
    descriptors: await scene.bridge.descriptors(),
  };
}

async function runRounds(scene: LoadScene, inspector: Inspector): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (let round = 0; round < rounds; round++) {
    const end = performance.now() + roundMs;
    // oxlint-disable no-await-in-loop -- rounds follow one another
    const all = Array.from({ length: workers }, (_, n) => work(scene, n, end));
    await reload(scene, round);
    await Promise.all(all);
    const now = await sample(scene, inspector);
    // oxlint-enable no-await-in-loop
    samples.push(now);
    tell(`soak, round ${round + 1} of ${rounds}`, {
      requests: scene.provider.requests,
      heapKib: Math.round(now.heap / 1024),
      buffersKib: Math.round(now.buffers / 1024),
      residentMib: toMib(now.resident),
      descriptors: now.descriptors,
      handles: now.handles,
    });
  }
  return samples;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** How much more there was at the end than after the warm-up, by the medians of three rounds each. */
function growth(samples: readonly Sample[], of: (sample: Sample) => number): number {
  const warm = samples.slice(-Math.max(5, Math.ceil(samples.length * 0.75)));
  return median(warm.slice(-3).map(of)) - median(warm.slice(0, 3).map(of));
}

test(
  'mixed traffic leaves nothing behind: no object, no buffer, no descriptor',
  async () => {
    await using scene = await openLoadScene('soak', {}, true);
    await using inspector = await openInspector(scene.bridge.inspectorUrl ?? '');
    const start = await sample(scene, inspector);
    const samples = await runRounds(scene, inspector);
    expect(scene.provider.requests).toBeGreaterThan(200);
    // the smallest object that a turn could leave has some 100 bytes; what code compiles to goes on growing slowly
    const maxGrowth = Math.max(1024 * 1024, 16 * scene.provider.requests);
    expect(growth(samples, ({ heap }) => heap)).toBeLessThan(maxGrowth);
    expect(growth(samples, ({ buffers }) => buffers)).toBeLessThan(1024 * 1024);
    expect(growth(samples, ({ resident }) => resident)).toBeLessThan(32 * 1024 * 1024);
    // idle connections to the provider close when they notice that it did
    await until(
      async () => (await scene.bridge.descriptors()) <= start.descriptors + 1,
      'descriptors to close',
    );
    expect((await inspector.collected()).handles).toBeLessThanOrEqual(start.handles + 1);
  },
  rounds * roundMs * 2 + 120_000,
);
