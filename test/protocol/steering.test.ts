/** Input for a response that runs: passed on to a provider that takes it, and answered in its own form by nobody else. */
import { describe, expect, test } from '@jest/globals';
import { gate } from '../harness/fake-provider.ts';
import { ask, idOf, responseOf, said, typesOf } from './scene.ts';
import { openProviders, type ProviderWishes } from './providers-scene.ts';

const steerable = (steer: 'cut' | 'finish' | 'off', wishes: ProviderWishes = {}) => ({
  a: {
    webSocket: { steer },
    keepsSent: true,
    ...wishes,
    route: { transport: 'WebSocket', capabilities: ['Steer', 'Inject'], ...wishes.route },
  },
});

describe('response.steer', () => {
  test.each(['cut', 'finish'] as const)(
    'is taken, and its successor follows on the same turn (%s)',
    async (how) => {
      const hold = gate();
      await using one = await openProviders(
        steerable(how, {
          script: ({ number }) =>
            number === 1 ? [{ text: 'a' }, { until: hold.promise }, { text: 'b' }] : 'hello',
        }),
      );
      const client = await one.connect();
      client.create({ model: 'm', input: [said('one')] });
      const created = await client.next('response.created');
      const id = String(responseOf(created)['id']);
      const steer = `{"type":"response.steer", "previous_response_id":"${id}", "input":"rather this"}`;
      client.send(steer);
      expect(await client.next('response.steer.accepted')).toMatchObject({
        steer: { previous_response_id: id },
      });
      hold.open();
      const first = await client.events();
      expect(['response.incomplete', 'response.completed']).toContain(typesOf(first).at(-1));
      const second = await client.events();
      expect(typesOf(second).at(0)).toBe('response.created');
      expect(idOf(second)).not.toBe(id);
      expect(one.providers.a.controlFrames[0]?.rawBody.toString()).toBe(steer);
      // what follows goes on from the successor, on the same socket
      const next = await ask(client, { previous_response_id: idOf(second), input: [said('three')] });
      expect(typesOf(next).at(-1)).toBe('response.completed');
      expect(one.providers.a.upgrades).toBe(1);
      expect(JSON.stringify(one.providers.a.requests.at(-1)?.context.input)).toMatch(
        /one.*rather this.*three/,
      );
      expect(await one.scene.bridge.metric('turnbridge_turns_total')).toBe(2);
    },
  );

  test('has its successor heard from a provider that only resembles the API, too', async () => {
    const hold = gate();
    const script: ProviderWishes['script'] = ({ number }) =>
      number === 1 ? [{ text: 'a' }, { until: hold.promise }, { text: 'b' }] : 'hello';
    await using one = await openProviders(
      steerable('finish', { script, route: { dialect: 'Compatible', capabilities: ['Steer'] } }),
    );
    const client = await one.connect();
    client.create({ model: 'm', input: [said('one')] });
    const id = responseOf(await client.next('response.created'))['id'];
    client.send({ type: 'response.steer', previous_response_id: id, input: 'rather this' });
    await client.next('response.steer.accepted');
    hold.open();
    expect(typesOf(await client.events()).at(-1)).toBe('response.completed');
    const second = await client.events();
    expect(typesOf(second)).toEqual(expect.arrayContaining(['response.created', 'response.completed']));
    expect(idOf(second)).not.toBe(id);
    expect(typesOf(await ask(client, { input: [said('next')] })).at(-1)).toBe('response.completed');
  });

  test('that the provider refuses is refused in its words, and the response goes on', async () => {
    const hold = gate();
    await using one = await openProviders(
      steerable('off', { script: [{ text: 'a' }, { until: hold.promise }, { text: 'b' }] }),
    );
    const client = await one.connect();
    client.create({ model: 'm', input: [said('one')] });
    const created = await client.next('response.created');
    client.send({ type: 'response.steer', previous_response_id: responseOf(created)['id'], input: 'x' });
    await client.next('response.steer.failed');
    hold.open();
    expect(typesOf(await client.events()).at(-1)).toBe('response.completed');
  });

  test('of a response that has ended, or was never there, is refused here', async () => {
    await using one = await openProviders(steerable('cut'));
    const client = await one.connect();
    const first = await ask(client, { input: [said('one')] });
    client.send({ type: 'response.steer', previous_response_id: idOf(first), input: 'x' });
    expect(await client.next()).toMatchObject({ error: { code: 'response_already_completed' } });
    client.send({ type: 'response.steer', previous_response_id: 'resp_unknown', input: 'x' });
    expect(await client.next()).toMatchObject({ error: { code: 'response_not_found' } });
    expect(one.providers.a.controlFrames).toEqual([]);
  });

  test.each([
    ['over HTTP', { transport: 'HTTP', capabilities: [] }],
    ['without the capability', { capabilities: [] }],
  ])('of a response from a provider %s is refused here', async (_name, route) => {
    const hold = gate();
    await using one = await openProviders(
      steerable('cut', { script: [{ text: 'a' }, { until: hold.promise }], route }),
    );
    const client = await one.connect();
    client.create({ model: 'm', input: [said('one')] });
    const created = await client.next('response.created');
    client.send({ type: 'response.steer', previous_response_id: responseOf(created)['id'], input: 'x' });
    expect(await client.next('response.steer.failed')).toMatchObject({
      error: { code: 'steering_not_supported' },
      steer: { input: 'x' },
    });
    hold.open();
    expect(typesOf(await client.events()).at(-1)).toBe('response.completed');
  });
});

test('response.inject passes to a provider that takes it, byte for byte', async () => {
  const hold = gate();
  await using one = await openProviders(
    steerable('cut', { script: [{ text: 'a' }, { until: hold.promise }, { text: 'b' }] }),
  );
  const client = await one.connect();
  client.create({ model: 'm', input: [said('one')] });
  const created = await client.next('response.created');
  const inject = `{"type":"response.inject" ,"response_id":"${String(responseOf(created)['id'])}","input":[]}`;
  client.send(inject);
  await client.next('response.inject.created');
  expect(one.providers.a.controlFrames[0]?.rawBody.toString()).toBe(inject);
  hold.open();
  expect(typesOf(await client.events()).at(-1)).toBe('response.completed');
});
