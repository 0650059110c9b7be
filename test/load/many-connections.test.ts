/** Resident memory with many connections, streams, and clients that read slowly. */
import { describe, expect, test } from '@jest/globals';
import { until } from '../harness/wait-for.ts';
import { budgets, MIB, openLoadScene, settledFigure } from './load-scene.ts';

describe('resident memory stays below the bound', () => {
  test('with a thousand idle connections', async () => {
    await using scene = await openLoadScene('idle');
    await scene.connect(1_000);
    const { peak, bound } = await scene.peakAndBound({ connections: 1_000, streams: 0 });
    expect(peak).toBeLessThan(bound);
  }, 60_000);

  test('with a thousand streams', async () => {
    await using scene = await openLoadScene('streams');
    const clients = await scene.connect(1_000);
    for (const client of clients) client.create('drip-200');
    await until(() => clients.every(({ heard }) => heard > 15), 'every client to hear much', 60_000);
    const { peak, bound } = await scene.peakAndBound({ connections: 1_000, streams: 1_000 });
    expect(peak).toBeLessThan(bound);
  }, 120_000);

  test.each(['flood-24', 'tiny-24'] as const)(
    'with two hundred clients that do not read %s: the budget is kept, the provider waits',
    async (model) => {
      await using scene = await openLoadScene(`slow readers, ${model}`);
      const clients = await scene.connect(200);
      for (const client of clients) {
        client.create(model);
        client.stopReading();
      }
      await until(async () => (await scene.held('client_send')) > 200 * 64 * 1024, 'bytes to wait', 60_000);
      await settledFigure(() => scene.provider.writtenBytes);
      expect(scene.provider.writtenBytes).toBeLessThan(200 * 20 * MIB);
      expect(scene.provider.underway).toBe(200);
      // beyond the budget each may have 64 KiB, and what came with the read that was under way
      expect(await scene.held('client_send')).toBeLessThan(budgets.clientSend * MIB + 200 * 192 * 1024);
      const { peak, bound } = await scene.peakAndBound({ connections: 200, streams: 200 });
      expect(peak).toBeLessThan(bound);
      const readers = clients.slice(0, 2);
      for (const reader of readers) reader.startReading();
      const endings = await Promise.all(readers.map((reader) => reader.ending()));
      expect(endings.map(({ type }) => type)).toEqual(['response.completed', 'response.completed']);
    },
    120_000,
  );
});
