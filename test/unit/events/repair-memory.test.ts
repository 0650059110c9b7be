/** What a repair keeps of a stream: bytes, counted, and not without end. */
import { expect, test } from '@jest/globals';
import { eventTypeOf } from '../../../src/events/event-type.ts';
import { DialectRepair } from '../../../src/events/repair.ts';

function push(repairer: DialectRepair, event: object): ReturnType<DialectRepair['push']> {
  const payload = Buffer.from(JSON.stringify(event));
  return repairer.push(payload, eventTypeOf(payload));
}

const itemOf = (bytes: number) => ({
  type: 'message',
  role: 'assistant',
  content: [{ type: 'output_text', text: 'x'.repeat(bytes) }],
});

test('finished items are counted, once; deltas and items under way cost next to nothing', () => {
  const repairer = new DialectRepair(() => 'resp_1');
  push(repairer, { type: 'response.created', response: { id: 'resp_1' } });
  const begun = repairer.keptBytes;
  expect(begun).toBeLessThan(1_000);
  push(repairer, { type: 'response.output_item.added', output_index: 0, item: itemOf(50_000) });
  push(repairer, { type: 'response.output_text.delta', output_index: 0, delta: 'x'.repeat(50_000) });
  expect(repairer.keptBytes - begun).toBeLessThan(1_000);
  push(repairer, { type: 'response.output_item.done', output_index: 0, item: itemOf(50_000) });
  expect(repairer.keptBytes - begun).toBeGreaterThan(50_000);
  expect(repairer.keptBytes - begun).toBeLessThan(51_000);
  push(repairer, { type: 'response.output_item.done', output_index: 0, item: itemOf(50_000) });
  expect(repairer.keptBytes - begun).toBeLessThan(51_000);
});

test('a long response.created is counted as well: it is told again at the end', () => {
  const repairer = new DialectRepair(() => 'resp_1');
  push(repairer, { type: 'response.created', response: { id: 'resp_1', instructions: 'x'.repeat(50_000) } });
  expect(repairer.keptBytes).toBeGreaterThan(50_000);
});

test('beyond 64 MiB of items the stream is given up', () => {
  const repairer = new DialectRepair(() => 'resp_1');
  const payload = Buffer.from(
    JSON.stringify({ type: 'response.output_item.done', item: itemOf(16 * 1024 * 1024) }),
  );
  const type = eventTypeOf(payload);
  const results = Array.from({ length: 4 }, () => repairer.push(payload, type));
  expect(results.map((result) => result === 'overflow')).toEqual([false, false, false, true]);
});
