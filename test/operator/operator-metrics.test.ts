/** What an operator's metrics say of routes and watches: alerts are made of it. */
import { expect, test } from '@jest/globals';
import type { Operator } from '../../src/operator.ts';
import { until } from '../harness/wait-for.ts';
import { openCluster, openStage, type OperatorStage } from './operator-stage.ts';

const READY = 'turnbridge_operator_routes{state="ready",reason="Ready"}';
const REFUSED = 'turnbridge_operator_routes{state="stalled",reason="Invalid"}';
const failing = (resource: string) => `turnbridge_operator_watches_failing{resource="${resource}"}`;

/** The value of a series as soon as it is this one; after a while, whatever it is then. */
async function settled(
  stage: OperatorStage,
  series: string,
  value: number,
  operator?: Operator,
): Promise<number | undefined> {
  const read = async (): Promise<number | undefined> => {
    const lines = (await stage.metrics(operator)).split('\n');
    const line = lines.find((each) => each.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.slice(series.length));
  };
  await until(async () => (await read()) === value, series, 15_000).catch(() => undefined);
  return read();
}

test('routes are counted by what became of them; one that is mended or deleted counts as what it is now', async () => {
  await using stage = await openStage();
  stage.route('a');
  stage.route('b');
  stage.route('wrong', { match: { headers: [{ name: 'x-team', type: 'RegularExpression', value: '(' }] } });
  expect(await settled(stage, READY, 2)).toBe(2);
  expect(await settled(stage, REFUSED, 1)).toBe(1);
  stage.route('wrong');
  expect(await settled(stage, READY, 3)).toBe(3);
  expect(await settled(stage, REFUSED, 0)).toBe(0);
  stage.removeRoute('b');
  expect(await settled(stage, READY, 2)).toBe(2);
});

test('a replica that does not lead counts the same', async () => {
  await using stage = await openStage();
  const second = await stage.start();
  stage.route('a');
  expect(await settled(stage, READY, 1, second)).toBe(1);
  expect(second.isLeader).toBe(false);
});

test('a list that fails is counted until it succeeds, and the operator is not ready until then', async () => {
  await using stage = await openCluster();
  const list = { phase: 'list', path: /endpointslices$/ } as const;
  const refused = stage.kube.fail(list, { kind: 'status', status: 403, reason: 'Forbidden' }, 1000);
  await stage.start();
  expect(await settled(stage, failing('endpointslices'), 1)).toBe(1);
  expect(await settled(stage, failing('responsesroutes'), 0)).toBe(0);
  expect(await settled(stage, 'turnbridge_operator_ready', 0)).toBe(0);
  refused.stop();
  expect(await settled(stage, failing('endpointslices'), 0)).toBe(0);
  expect(await settled(stage, 'turnbridge_operator_ready', 1)).toBe(1);
});
