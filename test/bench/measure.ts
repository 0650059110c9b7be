/** Measures one scenario: pairs of runs, each against the relay and the bridge in turn. */
import { RunFailed } from './child.ts';
import { fetched } from './fetched.ts';
import type { Stage, Middle } from './middle.ts';
import { openTracedBridge } from './traced-bridge.ts';
import { dialsSoFar, noMiddle, openBridge, openRelay, THIS_BRIDGE } from './middle.ts';
import type { RunTimes } from './request-body.ts';
import { runLoad, type LoadPlan, type LoadResult } from './run-load.ts';
import type { MemoryScenario, Scenario, StartScenario, TrafficScenario } from './scenarios.ts';
import type { Pair } from './summary.ts';

/** How thoroughly. */
export interface Effort {
  readonly times: RunTimes;
  /** Pairs of a scenario that has seven by default; others in proportion. */
  readonly pairs: number;
  /** Another bridge to measure beside this one. */
  readonly other: readonly string[] | undefined;
}

const DEFAULT_PAIRS = 7;

/** Runs a scenario. One pair per entry, in the order of measuring. @throws RunFailed. */
export async function measure(stage: Stage, scenario: Scenario, effort: Effort): Promise<Pair[]> {
  const pairs = Math.max(1, Math.round((scenario.pairs * effort.pairs) / DEFAULT_PAIRS));
  switch (scenario.kind) {
    case 'traffic':
      return measureTraffic(stage, scenario, effort, pairs);
    case 'memory':
      return repeat(pairs, () => measureMemory(stage, scenario, effort));
    case 'start':
      return measureStart(stage, scenario, effort, pairs);
  }
}

async function measureTraffic(
  stage: Stage,
  scenario: TrafficScenario,
  { times, other }: Effort,
  count: number,
): Promise<Pair[]> {
  const transport = scenario.overWebSocket === true ? 'WebSocket' : 'HTTP';
  await using relay = await openRelay(stage, transport);
  await using bridge = await openBridge(stage, THIS_BRIDGE, { transport });
  await using otherBridge = other === undefined ? undefined : await openBridge(stage, other, { transport });
  await using traced = scenario.traced === true ? await openTracedBridge(stage) : undefined;
  const plan: LoadPlan = { ...scenario, slow: scenario.slow, times };
  const runs: Record<string, Middle> = {
    relay,
    bridge,
    ...(otherBridge && { other: otherBridge }),
    ...(traced && { traced: traced.bridge }),
    ...(scenario.direct && { direct: noMiddle(stage, transport) }),
  };
  // A compiler that is still at work would be measured with the first pair.
  for (const middle of [bridge, otherBridge, traced?.bridge])
    if (middle !== undefined) await runLoad(stage, middle, plan);
  const pairs: Pair[] = [];
  for (let i = 0; i < count; i += 1) {
    const results: Record<string, DialledResult> = {};
    const names = Object.keys(runs);
    // Each pair the other way round: what drifts must not favour one side.
    for (const name of i % 2 === 0 ? names : names.toReversed()) {
      results[name] = await runCounted(stage, runs[name] as Middle, plan);
    }
    pairs.push(toTrafficPair(scenario, results));
  }
  await traced?.checkSpans();
  return pairs;
}

/** A result, and how many WebSockets the provider was asked for beyond one for each client. */
type DialledResult = LoadResult & { readonly extraDials: number };

async function runCounted(stage: Stage, middle: Middle, plan: LoadPlan): Promise<DialledResult> {
  const before = await dialsSoFar(stage);
  const result = await runLoad(stage, middle, plan);
  return { ...result, extraDials: (await dialsSoFar(stage)) - before - plan.clients };
}

function toTrafficPair(
  { unit, answer, overWebSocket }: TrafficScenario,
  results: Record<string, DialledResult>,
): Pair {
  const { relay, bridge, other, direct, traced } = results;
  if (relay === undefined || bridge === undefined) throw new Error('a pair without its two sides');
  const units = (result: LoadResult) => (unit === 'event' ? result.events : result.turns);
  if (units(relay) === 0 || units(bridge) === 0) throw new RunFailed(`no ${unit} ended within a window`);
  const cost = (result: LoadResult) => result.cpuUs / units(result);
  return {
    bridge: cost(bridge),
    relay: cost(relay),
    ratio: cost(bridge) / cost(relay),
    bridgePerSecond: units(bridge) / bridge.seconds,
    relayPerSecond: units(relay) / relay.seconds,
    ...(other && { other: cost(other), otherToThis: cost(other) / cost(bridge) }),
    ...(overWebSocket === true && unit === 'turn' && { dialsPerTurn: bridge.extraDials / bridge.turns }),
    ...(traced && { traced: cost(traced), tracesUs: cost(traced) - cost(bridge) }),
    // Without a pace it would be the time in queues.
    ...(answer.gapUs > 0 && toLatencies(relay, bridge, direct)),
  };
}

function toLatencies(relay: LoadResult, bridge: LoadResult, direct: LoadResult | undefined) {
  return {
    bridgeP50Us: bridge.p50Us,
    bridgeP99Us: bridge.p99Us,
    relayP50Us: relay.p50Us,
    relayP99Us: relay.p99Us,
    addedP50Us: bridge.p50Us - relay.p50Us,
    addedP99Us: bridge.p99Us - relay.p99Us,
    ...(direct && {
      directP50Us: direct.p50Us,
      directP99Us: direct.p99Us,
      overDirectP50Us: bridge.p50Us - direct.p50Us,
    }),
  };
}

async function measureMemory(
  stage: Stage,
  scenario: MemoryScenario,
  { times, other }: Effort,
): Promise<Pair> {
  const bridge = await memoryOf(stage, scenario, times, THIS_BRIDGE);
  if (other === undefined) return bridge;
  const { bridge: others } = await memoryOf(stage, scenario, times, other);
  return { ...bridge, other: others, otherToThis: others / bridge.bridge };
}

async function memoryOf(
  stage: Stage,
  { clients, answer, windowMs }: MemoryScenario,
  times: RunTimes,
  command: readonly string[],
): Promise<Pair> {
  await using bridge = await openBridge(stage, command);
  const plan: LoadPlan = {
    clients,
    answer,
    question: { messages: 1, messageBytes: 20 },
    slow: undefined,
    times: { warmUpMs: times.warmUpMs, windowMs: Math.max(times.windowMs, windowMs) },
  };
  const { residentBeforeKiB, residentKiB } = await runLoad(stage, bridge, plan);
  return {
    bridge: (residentKiB - residentBeforeKiB) / clients,
    emptyMiB: residentBeforeKiB / 1024,
    residentMiB: residentKiB / 1024,
  };
}

async function measureStart(
  stage: Stage,
  _scenario: StartScenario,
  { other }: Effort,
  count: number,
): Promise<Pair[]> {
  const commands = other === undefined ? [THIS_BRIDGE] : [THIS_BRIDGE, other];
  for (const command of commands) await startOf(stage, command); // Fills the compile cache.
  return repeat(count, async () => {
    const bridge = await startOf(stage, THIS_BRIDGE);
    if (other === undefined) return { bridge };
    const others = await startOf(stage, other);
    return { bridge, other: others, otherToThis: others / bridge };
  });
}

/** Ms from the start of the process until /readyz says 200. It ends as it should: only then node writes its cache. */
async function startOf(stage: Stage, command: readonly string[]): Promise<number> {
  const begun = performance.now();
  await using bridge = await openBridge(stage, command);
  const answer = await fetched(`http://127.0.0.1:${bridge.opsPort}/readyz`);
  const ms = performance.now() - begun;
  if (answer.status !== 200) throw new RunFailed(`/readyz said ${answer.status}`);
  await bridge.terminate();
  return ms;
}

async function repeat<T>(times: number, run: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  while (results.length < times) results.push(await run());
  return results;
}
