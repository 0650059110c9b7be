/** The shortest story: an operator, a bridge, a route, a turn. */
import { expect, test } from '@jest/globals';
import { connect } from '../harness/connect.ts';
import { openStage } from './stage.ts';
import { useCluster } from './use-cluster.ts';

const cluster = useCluster();

test('a route that is applied answers turns, and its status says that it is ready', async () => {
  await using stage = await openStage(cluster);
  await stage.startOperator();
  const bridge = await stage.startBridge();
  await stage.apply(stage.route('first'));
  const ready = await stage.condition('first', 'Ready', 'True');
  expect(ready).toMatchObject({ reason: 'Ready', observedGeneration: 1 });
  const client = await connect(`${bridge.url}/responses`);
  client.send({ type: 'response.create', model: 'gpt-5.5', input: 'Say hello' });
  expect((await client.events()).at(-1)).toMatchObject({ type: 'response.completed' });
});
