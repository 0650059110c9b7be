/**
 * Two equal providers under two hundred connections, one of which fails in each way in turn: nothing is lost before its
 * first event, nothing is answered twice, and the one that fails is left alone until it is well again.
 */
import { expect, test } from '@jest/globals';
import { until } from '../harness/wait-for.ts';
import { openBridgeProcess, type BridgeProcess } from './bridge-process.ts';
import { openFailingProvider, type FailingProvider, type Failure } from './failing-provider.ts';
import { openLoadClient, type Ending } from './load-clients.ts';
import { budgets, tell } from './load-scene.ts';

const CLIENTS = 200;
const TURNS_OF_A_CONNECTION = 10;
const TURNS_BEFORE_A_FAILURE = 400;
/** What was under way when it was found out has ended by then. */
const TURNS_UNTIL_IT_IS_LEFT = 2 * CLIENTS;
/** So many after that. */
const TURNS_WHILE_IT_FAILS = 400;
/** It has returned when it has answered so many. */
const ANSWERS_AFTER_ITS_RETURN = 20;
/**
 * After a rest for failures one turn tries, over a WebSocket with an upgrade before it. A rest may end just as the counting
 * begins. (After a rest that it asked for, by `retry-after`, everybody may go there: until it has failed too often.)
 */
const MAX_ASKED_PER_REST = 6;
/** Far from what a busy machine holds an answer up, which comes at once, and shorter than a trial (health.ts). */
const PATIENCE_SECONDS = 8;
/** Until something that must happen is given up. */
const GIVE_UP_MS = 60_000;

interface Turn {
  readonly failure: Failure;
  readonly question: string;
  readonly ending: Ending;
}

interface Crowd {
  readonly turns: Turn[];
  stop(): Promise<void>;
}

/**
 * Each asks, hears the ending, and asks anew; after some turns it comes back as a new connection, since one that is there
 * stays with the provider that it has. `now` names what fails when a turn begins.
 */
function keepAsking(socketUrl: string, now: () => Failure): Crowd {
  const turns: Turn[] = [];
  const state = { isOver: false };
  let count = 0;
  const visit = async (): Promise<void> => {
    const client = await openLoadClient(socketUrl);
    for (let left = TURNS_OF_A_CONNECTION; left > 0 && !state.isOver; left--) {
      const question = `q${(count += 1)}`;
      const failure = now();
      // oxlint-disable-next-line no-await-in-loop -- one turn after the other is the point
      const ending = await client.ask('say-1', { input: question });
      turns.push({ failure, question, ending });
    }
    client.leave();
  };
  const comeAgain = async (): Promise<void> => {
    // oxlint-disable-next-line no-await-in-loop -- one visit after the other is the point
    while (!state.isOver) await visit();
  };
  const all = Promise.all(Array.from({ length: CLIENTS }, comeAgain));
  all.catch(() => undefined); // `stop` tells
  return {
    turns,
    stop: async () => {
      state.isOver = true;
      await all;
    },
  };
}

function provider(name: string, { url }: FailingProvider, transport: string): object {
  return {
    name,
    url,
    transport,
    auth: { type: 'None' },
    health: { consecutiveFailures: 3, ejectionSeconds: 1, maxEjectionSeconds: 2 },
  };
}

/** How often the failing one was left alone for its failures. */
async function rests(bridge: BridgeProcess): Promise<number> {
  let sum = 0;
  for (const [name, value] of await bridge.metrics()) {
    const isRest = name.startsWith('turnbridge_provider_ejections_total{');
    if (isRest && name.includes('provider="shaky"') && name.includes('reason="failures"')) sum += value;
  }
  return sum;
}

interface Stage {
  readonly bridge: BridgeProcess;
  readonly shaky: FailingProvider;
  readonly crowd: Crowd;
  readonly begin: (failure: Failure) => Promise<void>;
}

/** What was asked of the failing one while it failed, upgrades included, from the moment it was found out. */
interface LeftAlone {
  readonly failure: Failure;
  readonly askedPerRest: number;
}

/** One way to fail, from the first request that meets it until the provider serves again. */
async function failOnce({ bridge, shaky, crowd, begin }: Stage, failure: Failure): Promise<LeftAlone> {
  const { turns } = crowd;
  const more = (count: number): Promise<unknown> => {
    const wanted = turns.length + count;
    return until(
      () => turns.length >= wanted,
      `${count} turns to end while it fails by ${failure}`,
      GIVE_UP_MS,
    );
  };
  await more(TURNS_BEFORE_A_FAILURE);
  await begin(failure);
  // once its first event has come it is well, as far as its health goes
  const foundOut = async (): Promise<void> => {
    if (failure === 'dies') return;
    const before = await rests(bridge);
    await until(async () => (await rests(bridge)) > before, `${failure} to be found out`, GIVE_UP_MS);
  };
  await foundOut();
  await more(TURNS_UNTIL_IT_IS_LEFT);
  const [asked, rested] = [shaky.asked + shaky.upgrades, await rests(bridge)];
  await more(TURNS_WHILE_IT_FAILS);
  await foundOut(); // once more: it was tried meanwhile
  const askedMore = shaky.asked + shaky.upgrades - asked;
  const askedPerRest = askedMore / Math.max(1, (await rests(bridge)) - rested);
  tell(failure, { asked: askedMore, askedPerRest });
  const answered = shaky.answered.size;
  await begin('none');
  await until(
    () => shaky.answered.size >= answered + ANSWERS_AFTER_ITS_RETURN,
    `the provider to be asked again after ${failure}`,
    GIVE_UP_MS,
  );
  return { failure, askedPerRest };
}

test.each<[transport: string, failures: readonly Failure[]]>([
  ['HTTP', ['refused', 'reset', 'silent', 'stalled', '500', '503', '429', 'ended', 'error-first', 'dies']],
  ['WebSocket', ['refused', 'reset', 'silent', 'stalled', '500', '429', 'ended', 'try-later', 'dies']],
])(
  'over %s no turn is lost before its first event, and none is answered twice',
  async (transport, failures) => {
    await using steady = await openFailingProvider();
    await using shaky = await openFailingProvider();
    await using bridge = await openBridgeProcess({
      providerUrl: steady.url,
      budgets,
      route: {
        providers: [provider('steady', steady, transport), provider('shaky', shaky, transport)],
        timeouts: { connectSeconds: PATIENCE_SECONDS, firstEventSeconds: PATIENCE_SECONDS },
        limits: { maxConnectionsPerClient: 1_000 },
      },
    });
    let failure: Failure = 'none';
    const crowd = keepAsking(bridge.socketUrl, () => failure);
    const begin = (how: Failure): Promise<void> => {
      failure = how;
      return shaky.fail(how);
    };
    const seen: LeftAlone[] = [];
    // oxlint-disable-next-line no-await-in-loop -- one way after the other is the point
    for (const how of failures) seen.push(await failOnce({ bridge, shaky, crowd, begin }, how));
    await crowd.stop();

    const isLeftAlone = ({ askedPerRest }: LeftAlone): boolean => askedPerRest <= MAX_ASKED_PER_REST;
    expect(seen.filter((one) => one.failure !== 'dies' && !isLeftAlone(one))).toEqual([]);
    const { turns } = crowd;
    const lost = turns.filter(({ ending }) => ending.type !== 'response.completed');
    tell(transport, { turns: turns.length, lost: lost.length });
    // the rest of an answer that was begun cannot be had elsewhere
    expect(lost.filter(({ question }) => !shaky.cut.has(question))).toEqual([]);
    expect(lost.filter(({ ending }) => ending.type !== 'response.failed')).toEqual([]);
    expect(new Set(lost.map((turn) => turn.failure)).has('dies')).toBe(true);
    // and each heard the answer to its own question, which was answered once
    expect(turns.filter(({ question, ending }) => ending.responseId !== `resp_${question}`)).toEqual([]);
    const times = ({ question }: Turn): number =>
      (steady.answered.get(question) ?? 0) + (shaky.answered.get(question) ?? 0);
    expect(turns.filter((turn) => times(turn) !== (lost.includes(turn) ? 0 : 1))).toEqual([]);
  },
  600_000, // a minute and a half where nothing else runs
);
