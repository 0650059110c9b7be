/**
 * Connections, turns, interrupts, departures, slow readers, reloads and drains in any order: once step by step, where
 * a model says exactly what everybody hears; once all at a time, where every ending must have had its cause.
 */
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { setImmediate as nextLoop } from 'node:timers/promises';
import { assertOnSockets, PROPERTY_TIMEOUT_MS } from '../harness/property-runs.ts';
import { until } from '../harness/wait-for.ts';
import { commands, meaningOf, tell, type Command, type Drawn } from './orders-commands.ts';
import { ENDINGS, isHere, LIMITS, Model, type ModelConnection } from './orders-model.ts';
import { heardBy, laneOf, wordsOf, World, type RealConnection } from './orders-world.ts';
import { settled } from './scene.ts';

/** Long for what takes a millisecond; a busy machine has to pass. */
const SETTLE_MS = 10_000;

/** What is not yet (or never will be) as the model has it. */
function difference(model: Model, world: World): string | undefined {
  for (const [n, its] of model.connections.entries()) {
    const real = world.connections.get(its)!;
    if (real.isDeaf) continue;
    const heard = heardBy(real);
    if (heard.join() !== its.heard.join())
      return `connection ${n} has heard [${heard.join()}], not [${its.heard.join()}]`;
    if (its.state === 'dismissed' && real.closing?.code !== 1012)
      return `connection ${n} is to be closed with 1012: ${real.closing?.code}`;
    if (isHere(its) && real.closing !== undefined) return `connection ${n} was closed: ${real.closing.code}`;
  }
  const isAnyDeaf = [...world.connections.values()].some(({ isDeaf }) => isDeaf);
  return isAnyDeaf ? undefined : differenceAtProvider(model, world);
}

function differenceAtProvider(model: Model, world: World): string | undefined {
  const wanted = model.turns.filter(({ version }) => version !== undefined);
  const got = new Map(world.requests.map((request) => [request.label, request]));
  if (got.size !== world.requests.length) return 'a turn was asked for twice';
  if (got.size !== wanted.length) return `${got.size} requests, not ${wanted.length}`;
  for (const { label, state, version, isCancelled } of wanted) {
    const request = got.get(label);
    if (request?.version !== version) return `${label} began with routes ${request?.version}, not ${version}`;
    if ((state === 'ended') !== (request?.end !== undefined)) return `${label} is ${state}: ${request?.end}`;
    if (isCancelled && request?.end !== 'client-closed') return `${label} was not aborted: ${request?.end}`;
  }
  const open = model.connections.filter(isHere).length;
  const { connections } = world.scene.bridge.bridge;
  return connections === open ? undefined : `${connections} connections, not ${open}`;
}

async function settle(model: Model, world: World): Promise<void> {
  const deadline = performance.now() + SETTLE_MS;
  for (let found = difference(model, world); found !== undefined; found = difference(model, world)) {
    if (performance.now() > deadline) throw new Error(found);
    await nextLoop();
  }
}

/** Each command has had its effect before the next one. */
async function playStepwise(drawn: readonly Drawn[], model: Model, world: World): Promise<void> {
  for (const one of drawn) {
    const command = meaningOf(one, model);
    if (command !== undefined) await step(command, model, world);
  }
  await hearAll(model, world);
  for (let turn = model.running[0]; turn !== undefined; turn = model.running[0]) {
    await step({ do: 'begin', turn }, model, world);
    await step({ do: 'finish', turn }, model, world);
  }
}

/**
 * What happens to a client that does not listen happens when it does, and in which order, the model cannot say. So one
 * answer may end meanwhile, and nothing else: it may be a long one, which stops half way.
 */
async function step(command: Command, model: Model, world: World): Promise<void> {
  const real = world.connections.get(connectionOf(command)!);
  const isDeaf = real?.isDeaf === true;
  if (isDeaf && (command.do === 'create' || command.do === 'begin' || command.do === 'interrupt')) return;
  if (isDeaf && command.do === 'finish') {
    if (real.hasEndedUnheard) return;
    real.hasEndedUnheard = true;
  }
  if (command.do === 'drain' || command.do === 'reload' || (command.do === 'leave' && real?.hasEndedUnheard))
    await hearAll(model, world);
  await world.play(command, tell(model, command), model.connections.at(-1)!);
  // that a request waits, or an interrupt is ignored, shows nowhere else
  if (command.do === 'create' || command.do === 'interrupt') await world.beRead(connectionOf(command)!);
  await settle(model, world);
}

function connectionOf(command: Command): ModelConnection | undefined {
  if ('turn' in command) return command.turn.connection;
  return 'connection' in command ? command.connection : undefined;
}

async function hearAll(model: Model, world: World): Promise<void> {
  world.hearAll();
  await settle(model, world);
}

/** Nothing is waited for but what cannot be known otherwise; the model only says what may be asked for. */
async function playAtOnce(drawn: readonly Drawn[], model: Model, world: World): Promise<void> {
  for (const one of drawn) {
    const command = meaningOf(one, model);
    if (command !== undefined) await world.play(command, tell(model, command), model.connections.at(-1)!);
  }
}

/** Every turn ends and the bridge drains; or the bridge ends, and with it every turn. */
async function letAllEnd(model: Model, world: World, how: 'drained' | 'cut'): Promise<void> {
  const connections = [...world.connections.values()];
  if (how === 'drained') {
    world.letGo();
    await until(() => connections.every(isQuiet), 'every request to be answered', SETTLE_MS);
  } else {
    world.hearAll();
  }
  await world.end(how);
  await until(() => world.requests.every(({ end }) => end), 'the end of every request', SETTLE_MS);
  await until(() => connections.every(({ closing }) => closing), 'every close', SETTLE_MS).catch(
    (error: unknown) => {
      const open = model.connections.filter((its) => world.connections.get(its)?.closing === undefined);
      throw new Error(`not closed: ${open.map((its) => `${its.state}, ${its.heard.join()}`).join('; ')}`, {
        cause: error,
      });
    },
  );
}

/** Nothing is owed to this client any more. */
function isQuiet(connection: RealConnection): boolean {
  return connection.closing !== undefined || endingsOf(connection).length >= connection.creates;
}

function endingsOf(connection: RealConnection): string[] {
  return heardBy(connection).filter((word) => !word.endsWith(' created'));
}

const REFUSALS = new Set([
  'queue_full',
  'websocket_stream_limit_reached',
  'websocket_connection_limit_reached',
]);

/** What can be wrong whatever the timing was. */
function complaints(model: Model, world: World, how: 'drained' | 'cut'): string[] {
  const labels = world.requests.map(({ label }) => label);
  return [
    ...model.connections.flatMap((its) => complaintsOf(its, model, world, how)),
    ...labels
      .filter((label, n) => labels.indexOf(label) !== n)
      .map((label) => `${label} was asked for twice`),
  ];
}

function complaintsOf(its: ModelConnection, model: Model, world: World, how: 'drained' | 'cut'): string[] {
  const real = world.connections.get(its)!;
  const turns = model.turns.filter(({ connection }) => connection === its);
  const words = heardBy(real);
  const endings = endingsOf(real);
  const named = endings
    .filter((word) => !REFUSALS.has(word))
    .map((word) => word.split(' ') as [string, string]);
  const ended = new Map(named);
  const refused = endings.length - named.length;
  const silent = turns.filter(({ label }) => !ended.has(label));
  const unread = silent.length - refused;
  const asked = silent.filter(({ label }) => world.requests.some((request) => request.label === label));
  const isDismissed = real.closing?.code === 1012;
  // what waits for a slow reader goes with its connection when the bridge ends at once
  const isTorn = how === 'cut' && turns.some(({ plan }) => plan === 'long');
  const isOwed = its.state !== 'left' && !isTorn;
  const checks: Record<string, boolean> = {
    'an ending twice': ended.size === named.length,
    'the ending of a turn of somebody else': named.every(([name]) =>
      turns.some(({ label }) => label === name),
    ),
    'more refusals than requests': unread >= 0,
    // the bridge may close before it has read what comes last; that has then cost nothing
    'no ending, though the client listened': !isOwed || unread === 0 || isDismissed,
    'no ending, though the provider was asked': !isOwed || asked.length <= (how === 'cut' ? refused : 0),
    'an ending without a cause': turns.every(({ label, plan }) => {
      const ending = ended.get(label) ?? ENDINGS[plan];
      return (
        ending === ENDINGS[plan] ||
        (ending === 'interrupted' && world.interrupted.has(label)) ||
        (ending === 'failed' && how === 'cut')
      );
    }),
    'told of a drain before there was one':
      model.isDraining || how === 'cut' || !endings.includes('websocket_connection_limit_reached'),
    'more turns at a time than are allowed': mostAtATime(words) <= LIMITS.maxTurnsInFlight,
    'a close that is none of ours': !isOwed || isDismissed,
  };
  const lanes = [...new Set(turns.map(({ lane }) => lane))];
  const wrong = [
    ...Object.keys(checks).filter((name) => checks[name] !== true),
    ...lanes.flatMap((lane) =>
      laneComplaints(
        lane,
        real,
        turns.filter((turn) => turn.lane === lane).map(({ label }) => label),
      ),
    ),
  ];
  const story = turns.map(({ label, lane, plan }) => `${label} (${lane} ${plan})`).join();
  return wrong.map(
    (complaint) => `${complaint}: heard ${words.join()} of ${story}, closed ${real.closing?.code}`,
  );
}

/** A lane's turns come in the order in which they were asked for, whole, and none within another. */
function laneComplaints(lane: string, real: RealConnection, asked: readonly string[]): string[] {
  const events = real.client.frames.flatMap(({ json }) =>
    json !== undefined && laneOf(json) === lane ? [json] : [],
  );
  const words = wordsOf(events);
  const labels = words.filter((word) => !REFUSALS.has(word)).map((word) => word.split(' ')[0]!);
  const inOrder = [...new Set(labels)];
  const isInOrder = inOrder.join() === asked.filter((label) => inOrder.includes(label)).join();
  const isApart = labels.every((label, n) => labels.indexOf(label) >= n - 1);
  return [
    ...(isInOrder ? [] : [`lane ${lane} out of order`]),
    ...(isApart ? [] : [`turns of lane ${lane} mixed`]),
  ];
}

function mostAtATime(words: readonly string[]): number {
  let most = 0;
  const begun = new Set<string>();
  for (const word of words) {
    const [label, what] = word.split(' ') as [string, string | undefined];
    if (what === 'created') begun.add(label);
    else begun.delete(label);
    most = Math.max(most, begun.size);
  }
  return most;
}

/** Nothing is connected to the provider, and nothing is counted any more. */
async function proveEmpty({ scene: { bridge, provider } }: World): Promise<void> {
  await until(() => provider.openConnections === 0, 'no connection to the provider', SETTLE_MS);
  await settled(bridge);
}

test(
  'step by step, everybody hears exactly what the model says, and at the end nothing is left',
  async () => {
    await assertOnSockets(
      commands,
      async (drawn) => {
        await using world = await World.open();
        const model = new Model();
        await playStepwise(drawn, model, world);
        await letAllEnd(model, world, 'drained');
        model.drain();
        await settle(model, world);
        expect(complaints(model, world, 'drained')).toEqual([]);
        await proveEmpty(world);
      },
      60,
    );
  },
  PROPERTY_TIMEOUT_MS,
);

test(
  'all at a time, every turn ends once, in its order and for a reason, and at the end nothing is left',
  async () => {
    await assertOnSockets(
      fc.tuple(commands, fc.constantFrom<'drained' | 'cut'>('drained', 'drained', 'cut')),
      async ([drawn, how]) => {
        await using world = await World.open();
        const model = new Model();
        await playAtOnce(drawn, model, world);
        await letAllEnd(model, world, how);
        expect(complaints(model, world, how)).toEqual([]);
        await proveEmpty(world);
      },
      80,
    );
  },
  PROPERTY_TIMEOUT_MS,
);
