/** The rows of the error table that the real clients cannot be made to cause: what a client may not say. */
import { expect, test } from '@jest/globals';
import type { TestClient } from '../harness/connect.ts';
import { until } from '../harness/wait-for.ts';
import { clientSays } from '../clients/error-table/client-says.ts';
import { frameWords, withoutRepeats } from '../clients/error-table/words.ts';
import { openScene } from './scene.ts';

/** What the client was told, and whether its connection is still there. */
async function outcomeOf(
  client: TestClient,
  count: number,
): Promise<{ gets: readonly string[]; connection: string }> {
  const gets: string[] = [];
  let closed = '';
  void client.closed.then(({ code }) => (closed = `close ${code}`));
  await until(() => {
    const words = client.frames.flatMap(({ json }) => (json && frameWords(json)) ?? []);
    gets.splice(0, gets.length, ...withoutRepeats(words), ...(closed === '' ? [] : [closed]));
    return gets.length >= count;
  }, 'all that the row says');
  if (closed !== '') return { gets, connection: 'closes' };
  client.ping();
  await until(() => client.pongs > 0, 'a pong');
  return { gets, connection: 'stays open' };
}

test.each(clientSays.map((row) => [row.happened, row] as const))('%s', async (_, row) => {
  await using scene = await openScene(row.scene);
  const client = await scene.connect();
  await row.says(client, scene);
  const { gets, connection } = row;
  expect(await outcomeOf(client, gets.length)).toEqual({ gets, connection });
});
