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
/** A round lasts longer where the machine gets less done: what each leaves must show, and code must be compiled. */
const minRequestsOfRound = 300;
/** The first rounds warm up: code is compiled, the heap finds its size. */
const rounds = minutes > 0 ? Math.max(8, Math.ceil((minutes * 60_000) / roundMs)) : 7;
/** The newest so many are judged. */
const judgedRounds = Math.max(5, Math.ceil(rounds * 0.75));
/**
 * What is compiled comes to an end, a leak never does: while more has grown than may, there is another round, up to so
 * many.
 */
const mostRounds = Math.max(rounds, 20);
const workers = 40;

interface Sample extends HeapFigures {
  readonly resident: number;
  readonly descriptors: number;
}

type Grown = Record<'heap' | 'buffers' | 'resident', number>;

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
async function work(scene: LoadScene, first: number, isOver: () => boolean): Promise<void> {
  let client: LoadClient | undefined;
  for (let n = first; !isOver(); n++) {
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
  for (let round = 0; round < rounds || (round < mostRounds && !isAtRest(scene, samples)); round++) {
    const [end, enough] = [performance.now() + roundMs, scene.provider.requests + minRequestsOfRound];
    const isOver = (): boolean => performance.now() >= end && scene.provider.requests >= enough;
    // oxlint-disable no-await-in-loop -- rounds follow one another
    const all = Array.from({ length: workers }, (_, n) => work(scene, n, isOver));
    await reload(scene, round);
    await Promise.all(all);
    const now = await sample(scene, inspector);
    // oxlint-enable no-await-in-loop
    samples.push(now);
    tell(`soak, round ${round + 1} of ${rounds}`, {
      requests: scene.provider.requests,
      heapKib: Math.round(now.heap / 1024),
      heapGrownKib: Math.round(grown(samples).heap / 1024),
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

/** How many bytes more there were at the end than after the warm-up, by the medians of three rounds each. */
function grown(samples: readonly Sample[]): Grown {
  const warm = samples.slice(-judgedRounds);
  const more = (of: (sample: Sample) => number): number =>
    median(warm.slice(-3).map(of)) - median(warm.slice(0, 3).map(of));
  return {
    heap: more(({ heap }) => heap),
    buffers: more(({ buffers }) => buffers),
    resident: more(({ resident }) => resident),
  };
}

/** However many rounds were run: what is judged are the newest ones. */
function mayGrow({ provider }: LoadScene, samples: readonly Sample[]): Grown {
  const requests = (provider.requests / samples.length) * rounds;
  return {
    // the smallest object that a turn could leave has some 100 bytes; what code compiles to goes on growing slowly
    heap: Math.max(1024 * 1024, 16 * requests),
    buffers: 1024 * 1024,
    resident: 32 * 1024 * 1024,
  };
}

function isAtRest(scene: LoadScene, samples: readonly Sample[]): boolean {
  const [is, may] = [grown(samples), mayGrow(scene, samples)];
  return is.heap < may.heap && is.buffers < may.buffers && is.resident < may.resident;
}

test(
  'mixed traffic leaves nothing behind: no object, no buffer, no descriptor',
  async () => {
    await using scene = await openLoadScene('soak', {}, true);
    await using inspector = await openInspector(scene.bridge.inspectorUrl ?? '');
    const start = await sample(scene, inspector);
    const samples = await runRounds(scene, inspector);
    expect(scene.provider.requests).toBeGreaterThan(200);
    const [is, may] = [grown(samples), mayGrow(scene, samples)];
    expect(is.heap).toBeLessThan(may.heap);
    expect(is.buffers).toBeLessThan(may.buffers);
    expect(is.resident).toBeLessThan(may.resident);
    // idle connections to the provider close when they notice that it did
    await until(
      async () => {
        scene.provider.dropIdle(); // one that was just busy was left open by the last sample
        return (await scene.bridge.descriptors()) <= start.descriptors + 1;
      },
      'descriptors to close',
      30_000,
    );
    await until(
      async () => (await inspector.collected()).handles <= start.handles + 1,
      'handles to close',
      30_000,
    );
  },
  mostRounds * roundMs * 4 + 120_000,
);
