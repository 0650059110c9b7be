/** `response.interrupt`: the provider is stopped, the response ends as interrupted, the conversation goes on. */
import { describe, expect, test } from '@jest/globals';
import { gate } from '../harness/fake-provider.ts';
import { promptly } from '../harness/promptly.ts';
import { until, within } from '../harness/wait-for.ts';
import { ask, itemsOf, logged, openScene, responseOf, said, textOf, typesOf } from './scene.ts';
import type { TestClient } from '../harness/connect.ts';
import type { Step } from '../../src/scripted/script.ts';

/** Talks until it is stopped, but only in its first answer. */
function talkative(...steps: readonly Step[]) {
  return ({ number }: { readonly number: number }): readonly Step[] =>
    number === 1
      ? [...steps, { text: 'never finished', unfinished: true }, { stall: true }]
      : [{ text: 'done' }];
}

async function beginTurn(client: TestClient, lane?: string): Promise<string> {
  client.create({ model: 'm', input: [said('talk')], ...(lane === undefined ? {} : { stream_id: lane }) });
  const created = await client.next('response.created', lane === undefined ? {} : { lane });
  await client.next('response.output_text.delta', lane === undefined ? {} : { lane });
  return String(responseOf(created)['id']);
}

const interrupt = (id: string) => ({
  type: 'response.interrupt',
  response_id: id,
  mode: 'discard_partial_items',
});

describe('an interrupt of the running response', () => {
  test('ends it as incomplete with the reason interrupted, under its own id and the next number', async () => {
    await using scene = await openScene({ script: talkative() });
    const client = await scene.connect();
    const id = await beginTurn(client);
    client.send(interrupt(id));
    const events = await client.events();
    const last = events.at(-1)!;
    expect(last).toMatchObject({
      type: 'response.incomplete',
      response: { id, status: 'incomplete', incomplete_details: { reason: 'interrupted' } },
    });
    const numbers = client.frames.map((frame) => frame.json?.['sequence_number'] as number);
    expect(numbers).toEqual(numbers.map((_, n) => n));
    expect(await logged(scene.bridge, 'turn.end')).toMatchObject([{ outcome: 'cancelled' }]);
  });

  test('stops the provider at once', async () => {
    await using scene = await openScene({
      script: [{ text: 'never finished', unfinished: true }, { stall: true }],
    });
    const client = await scene.connect();
    await promptly(async () => {
      const id = await beginTurn(client);
      const sentAt = performance.now();
      client.send(interrupt(id));
      const end = await within(scene.provider.requests.at(-1)!.closed, 'the end of the request');
      expect(end.how).toBe('client-closed');
      await client.events();
      return end.at - sentAt;
    });
  });

  test('lets the next turn continue from it: finished items are kept, partial ones forgotten', async () => {
    await using scene = await openScene({ script: talkative({ text: 'one whole message' }) });
    const client = await scene.connect();
    client.create({ model: 'm', input: [said('talk')] });
    const created = await client.next('response.created');
    const done = await client.next('response.output_item.done');
    const id = String(responseOf(created)['id']);
    client.send(interrupt(id));
    const last = (await client.events()).at(-1);
    expect(responseOf(last)['output']).toEqual([done['item']]);
    const events = await ask(client, { previous_response_id: id, input: [said('and now?')] });
    expect(textOf(events)).toBe('done');
    expect(scene.provider.requests[1]?.body.input).toEqual([said('talk'), done['item'], said('and now?')]);
    expect(scene.provider.requests[1]?.body).not.toHaveProperty('previous_response_id');
  });

  test('reaches the lane in which it runs and no other', async () => {
    await using scene = await openScene({
      script: [{ text: 'never finished', unfinished: true }, { stall: true }],
    });
    const client = await scene.connect();
    const first = await beginTurn(client, 'a');
    const second = await beginTurn(client, 'b');
    client.send(interrupt(second));
    expect((await client.events({ lane: 'b' })).at(-1)).toMatchObject({
      type: 'response.incomplete',
      stream_id: 'b',
      response: { id: second },
    });
    client.send(interrupt(first));
    expect((await client.events({ lane: 'a' })).at(-1)).toMatchObject({
      stream_id: 'a',
      response: { id: first },
    });
  });

  test('lets the next turn of its lane start', async () => {
    await using scene = await openScene({ script: talkative() });
    const client = await scene.connect();
    const id = await beginTurn(client);
    client.create({ model: 'm', input: [said('next')] });
    client.send(interrupt(id));
    expect(typesOf(await client.events()).at(-1)).toBe('response.incomplete');
    expect(textOf(await client.events())).toBe('done');
  });
});

describe('an interrupt that comes to nothing', () => {
  test.each([
    ['after the end of its response', (id: string) => interrupt(id)],
    ['of a response that never was', () => interrupt('resp_unknown')],
    ['without an id', () => ({ type: 'response.interrupt' })],
  ])('%s is ignored: not a word is sent while no turn runs', async (_, frame) => {
    await using scene = await openScene();
    const client = await scene.connect();
    const events = await ask(client, { input: [said('hi')] });
    const seen = client.frames.length;
    client.send(frame(String(responseOf(events.at(-1))['id'])));
    client.ping();
    await until(() => client.pongs === 1, 'the pong, which follows whatever the frame led to');
    expect(client.frames).toHaveLength(seen);
    expect(itemsOf(await ask(client, {}))).toHaveLength(1);
  });

  test('while another response runs leaves that one alone', async () => {
    const held = gate();
    await using scene = await openScene({ script: [{ text: 'a' }, { until: held.promise }, { text: 'b' }] });
    const client = await scene.connect();
    client.create({ model: 'm' });
    await client.next('response.output_item.done');
    client.send(interrupt('resp_of_long_ago'));
    client.ping();
    await until(() => client.pongs === 1, 'the frame to be read');
    held.open();
    expect(typesOf(await client.events()).at(-1)).toBe('response.completed');
  });
});
