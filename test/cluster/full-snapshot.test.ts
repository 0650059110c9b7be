/** All routes of a bridge share one Secret, and a Secret has an end: who still goes in, who does not, and what is said. */
import { afterAll, expect, test } from '@jest/globals';
import { connect } from '../harness/connect.ts';
import { until } from '../harness/wait-for.ts';
import { createAll, randomKey } from './crowd.ts';
import { metricsOf, probed, readProcess, sumOf } from './process-reading.ts';
import { openStage, type RunningBridge, type Stage } from './stage.ts';
import { useCluster } from './use-cluster.ts';

/** Digests do not compress: those of so many clients take a fifth of the room and a little more. */
const CLIENTS = 5_200;
/** Far more than it takes: a megabyte is compressed about ten times, on a machine that does much else. */
const wait = { timeoutMs: 60_000 };

const cluster = useCluster();
const figures: string[] = [];

afterAll(() => {
  process.stdout.write(`${figures.join('\n')}\n`);
});

test('routes beyond what a Secret holds say so with the cure, while the others go on and the next takes a place that is freed', async () => {
  await using stage = await openStage(cluster);
  const api = await cluster.adminClient();
  const operator = await stage.startOperator({ env: probed });
  const bridge = await stage.startBridge({ env: probed });
  await Promise.all([readProcess(operator), readProcess(bridge)]);
  const large = [1, 2, 3, 4, 5, 6].map((index) => crowdedRoute(stage, `large-${String(index)}`));
  const [one, two, three, four, five, six] = large as [Crowded, Crowded, Crowded, Crowded, Crowded, Crowded];

  const add = async (...routes: readonly Crowded[]): Promise<void> => {
    for (const { secret, route } of routes) await createAll(api, [secret, route]);
  };
  await add(one, two, three, four);
  for (const { name } of [one, two, three, four]) await stage.condition(name, 'Ready', 'True', wait);
  const warning = await until(
    () => operator.logs().find(({ event, level }) => event === 'operator.snapshot' && level === 'warn'),
    'a warning that the Secret is nearly full',
  );
  expect(warning).toMatchObject({ left_out: 0, routes: 4 });
  const bytes = sumOf(await metricsOf(operator), 'turnbridge_operator_snapshot_bytes');
  expect(bytes / 1024 ** 2).toBeGreaterThan(0.78); // 80 % of what it may have, less than the whole
  const filling = { operator: await readProcess(operator), bridge: await readProcess(bridge) };
  figures.push(`${String(4 * CLIENTS)} client keys in four routes: ${String(bytes)} bytes`);

  const began = performance.now();
  await add(five, six);
  await createAll(api, [stage.route('small', { hostnames: [hostOf(stage, 'small')] })]);
  for (const { name } of [five, six]) {
    const programmed = await stage.condition(name, 'Programmed', 'False', wait);
    expect(programmed).toMatchObject({ reason: 'SnapshotTooLarge' });
    expect(programmed.message).toMatch(
      /remove routes, or serve some by a bridge of their own \(bridgeName\)/,
    );
    expect((await stage.conditions(name)).get('Ready')).toMatchObject({ reason: 'SnapshotTooLarge' });
  }
  await stage.condition('small', 'Ready', 'True', wait); // younger, and there is room for it
  figures.push(`two beyond the limit: all said after ${(performance.now() - began).toFixed(0)} ms`);
  expect(sumOf(await metricsOf(operator), 'turnbridge_operator_snapshot_routes_left_out')).toBe(2);
  for (const { name } of [one, two, three, four])
    expect((await stage.conditions(name)).get('Ready')).toMatchObject({ status: 'True' });
  await answers(bridge, stage, one);
  await answers(bridge, stage, four);

  await stage.kubectl(['delete', 'responsesroute', two.name, '-n', stage.namespace]);
  await stage.condition(five.name, 'Ready', 'True', wait);
  expect((await stage.conditions(six.name)).get('Programmed')).toMatchObject({ reason: 'SnapshotTooLarge' });
  await answers(bridge, stage, five);
  const full = { operator: await readProcess(operator), bridge: await readProcess(bridge) };
  for (const what of ['operator', 'bridge'] as const) {
    // the same work twice: a core that is shared makes one of them slower by half, the code would make both
    const held = Math.min(filling[what].heldCpuMs, full[what].heldCpuMs);
    figures.push(`${what}: event loop held ${held.toFixed(0)} ms of CPU`);
    expect(held).toBeLessThan(100);
  }
}, 180_000);

interface Crowded {
  readonly name: string;
  /** Of one of its clients. */
  readonly key: string;
  readonly secret: Record<string, unknown>;
  readonly route: Record<string, unknown>;
}

function crowdedRoute(stage: Stage, name: string): Crowded {
  const keys = Object.fromEntries(
    Array.from({ length: CLIENTS }, (_, index) => [`c${String(index)}`, randomKey()]),
  );
  return {
    name,
    key: keys['c0'] ?? '',
    secret: stage.secret(name, keys),
    route: stage.route(name, {
      hostnames: [hostOf(stage, name)],
      clients: { auth: { type: 'APIKey', secretRef: { name } } },
    }),
  };
}

function hostOf({ bridgeName }: Stage, name: string): string {
  return `${name}.${bridgeName}.test`;
}

/** A turn of one of its clients ends well. */
async function answers({ url }: RunningBridge, stage: Stage, { name, key }: Crowded): Promise<void> {
  const headers = { host: hostOf(stage, name), authorization: `Bearer ${key}` };
  await using client = await connect(`${url}/responses`, { headers });
  client.send({ type: 'response.create', model: 'gpt-5.5', input: 'Say hello' });
  expect((await client.events()).at(-1)).toMatchObject({ type: 'response.completed' });
}
