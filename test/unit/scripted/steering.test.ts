import { describe, expect, test } from '@jest/globals';
import { gate, textAnswer, toolAnswer } from '../../harness/fake-provider.ts';
import { idIn, openScene, textIn, typesIn } from './socket-client.ts';

const turn = { model: 'm', input: [{ role: 'user', content: 'Hi' }] };
const never = new Promise<void>(() => undefined);

describe('response.steer', () => {
  test('cuts the response short, and its successor says the text, in the same lane', async () => {
    await using scene = await openScene([{ text: 'Said. ' }, { until: never }, { text: 'Unsaid.' }]);
    const { client, provider } = scene;
    client.create({ ...turn, stream_id: 'a' });
    await client.next('response.output_item.done');
    client.send({ type: 'response.steer', previous_response_id: 'resp_0001', input: 'Shorter!' });
    const accepted = await client.next('response.steer.accepted');
    expect(accepted).toMatchObject({ steer: { previous_response_id: 'resp_0001' }, stream_id: 'a' });
    const [cut] = await client.events();
    expect(cut).toMatchObject({
      type: 'response.incomplete',
      sequence_number: Number(accepted['sequence_number']) + 1,
      stream_id: 'a',
      response: { incomplete_details: { reason: 'steered' }, output: [{ type: 'message' }] },
    });
    const successor = await client.events();
    expect(typesIn(successor).slice(0, 2)).toEqual(['created', 'in_progress']);
    expect(textIn(successor)).toBe('Steered: Shorter!');
    expect(successor.every((event) => event['stream_id'] === 'a')).toBe(true);
    expect(provider.controlFrames).toMatchObject([{ type: 'response.steer', frame: { input: 'Shorter!' } }]);
    client.create({ ...turn, stream_id: 'a', previous_response_id: idIn(successor.at(-1)) });
    await client.next('response.created');
    const [, goesOn] = provider.requests;
    // the question, what was said, the steer, its answer, and the new question
    expect(goesOn?.context.input).toHaveLength(5);
  });

  test('lets the response finish where it is told to', async () => {
    const hold = gate();
    await using scene = await openScene([{ begin: true }, { until: hold.promise }, { text: 'All.' }], {
      webSocket: { steer: 'finish' },
    });
    const { client } = scene;
    client.create(turn);
    await client.next('response.in_progress');
    for (const input of ['One', [{ role: 'user', content: 'Two' }]])
      client.send({ type: 'response.steer', previous_response_id: 'resp_0001', input });
    await client.next('response.steer.accepted');
    await client.next('response.steer.accepted');
    hold.open();
    const first = await client.events();
    expect([textIn(first), first.at(-1)?.['type']]).toEqual(['All.', 'response.completed']);
    expect(textIn(await client.events())).toBe('Steered: One Two');
  });

  test('waits for the output of a tool call that is open', async () => {
    const hold = gate();
    await using scene = await openScene((request) =>
      request.number === 1
        ? [...toolAnswer('f'), { until: hold.promise }]
        : [{ text: '{{inputItems}} items' }],
    );
    const { client } = scene;
    client.create(turn);
    await client.next('response.output_item.done');
    client.send({ type: 'response.steer', previous_response_id: 'resp_0001', input: 'And then?' });
    await client.next('response.steer.accepted');
    hold.open();
    await client.next('response.completed');
    expect(await client.next()).toMatchObject({
      type: 'response.steer.pending',
      reason: 'waiting_for_required_input',
      required_input: [{ type: 'function_call_output', call_id: 'call_0001_0', name: 'f' }],
    });
    const output = { type: 'function_call_output', call_id: 'call_0001_0', output: 'x' };
    client.create({ model: 'm', input: [output], previous_response_id: 'resp_0001' });
    // the question, the call, the steer, the output
    expect(textIn(await client.events())).toBe('4 items');
  });

  test.each<[string, object, string]>([
    ['nobody knows', { previous_response_id: 'resp_x', input: 'a' }, 'response_not_found'],
    ['has ended', { previous_response_id: 'resp_0001', input: 'a' }, 'response_already_completed'],
    ['runs, with no input', { previous_response_id: 'resp_0002', input: [] }, 'invalid_input'],
    [
      'runs, with an output',
      { previous_response_id: 'resp_0002', input: [{ type: 'x_output' }] },
      'invalid_input',
    ],
  ])('fails for a response that %s', async (_name, steer, code) => {
    await using scene = await openScene((request) =>
      request.number === 1 ? textAnswer('a') : [{ begin: true }, { stall: true }],
    );
    const { client } = scene;
    client.create(turn);
    await client.events();
    client.create(turn);
    await client.next('response.in_progress');
    client.send({ type: 'response.steer', ...steer });
    const failed = await client.next();
    expect(failed).toMatchObject({ type: 'response.steer.failed', error: { code }, steer });
  });

  test('fails where nothing can be steered, and after eight', async () => {
    await using plain = await openScene([{ begin: true }, { stall: true }], { webSocket: { steer: 'off' } });
    plain.client.create(turn);
    await plain.client.next('response.in_progress');
    plain.client.send({ type: 'response.steer', previous_response_id: 'resp_0001', input: 'a' });
    expect(await plain.client.next()).toMatchObject({ error: { code: 'steering_not_supported' } });
    await using scene = await openScene([{ begin: true }, { stall: true }], {
      webSocket: { steer: 'finish' },
    });
    scene.client.create(turn);
    await scene.client.next('response.in_progress');
    for (let at = 0; at < 9; at += 1)
      scene.client.send({ type: 'response.steer', previous_response_id: 'resp_0001', input: 'a' });
    expect(await scene.client.next('response.steer.failed')).toMatchObject({
      error: { code: 'too_many_pending_steers' },
    });
  });

  test('fails after all when its response fails', async () => {
    const hold = gate();
    await using scene = await openScene(
      [{ begin: true }, { until: hold.promise }, { fail: { code: 'server_error', message: 'no' } }],
      { webSocket: { steer: 'finish' } },
    );
    scene.client.create(turn);
    await scene.client.next('response.in_progress');
    scene.client.send({ type: 'response.steer', previous_response_id: 'resp_0001', input: 'a' });
    await scene.client.next('response.steer.accepted');
    hold.open();
    await scene.client.next('response.failed');
    expect(await scene.client.next()).toMatchObject({
      type: 'response.steer.failed',
      error: { code: 'successor_creation_failed' },
    });
  });
});

describe('response.interrupt', () => {
  test('ends the response as incomplete; too late it is ignored', async () => {
    await using scene = await openScene([{ text: 'Said.' }, { stall: true }]);
    const { client } = scene;
    client.create(turn);
    await client.next('response.output_item.done');
    client.send({ type: 'response.interrupt', response_id: 'resp_0001' });
    client.send({ type: 'response.interrupt', response_id: 'resp_0001' });
    expect(await client.next()).toMatchObject({
      type: 'response.incomplete',
      response: { incomplete_details: { reason: 'interrupted' }, output: [{ type: 'message' }] },
    });
    client.create({ ...turn, previous_response_id: 'resp_0001' });
    expect((await client.next())['type']).toBe('response.created');
  });

  test.each<['ignore' | 'off', string]>([
    ['ignore', 'response.created'],
    ['off', 'error'],
  ])('may be no such thing: %s', async (interrupt, type) => {
    await using scene = await openScene([{ begin: true }, { stall: true }], { webSocket: { interrupt } });
    scene.client.create(turn);
    await scene.client.next('response.in_progress');
    scene.client.send({ type: 'response.interrupt', response_id: 'resp_0001' });
    scene.client.create({ ...turn, stream_id: 'b' });
    expect((await scene.client.next())['type']).toBe(type);
  });
});

describe('response.inject', () => {
  test('is accepted for a response that runs, and for no other', async () => {
    await using scene = await openScene([{ begin: true }, { stall: true }]);
    const { client } = scene;
    client.create(turn);
    await client.next('response.in_progress');
    client.send({ type: 'response.inject', response_id: 'resp_0001', input: [] });
    expect(await client.next()).toMatchObject({ type: 'response.inject.created', response_id: 'resp_0001' });
    client.send({ type: 'response.inject', response_id: 'x', input: [{ a: 1 }] });
    expect(await client.next()).toMatchObject({
      type: 'response.inject.failed',
      input: [{ a: 1 }],
      error: { code: 'response_not_found' },
    });
  });

  test('is an unknown frame where it is switched off', async () => {
    await using scene = await openScene('hello', { webSocket: { inject: false } });
    scene.client.send({ type: 'response.inject', response_id: 'x', input: [] });
    expect(await scene.client.next()).toMatchObject({ type: 'error', error: { code: 'unknown_event' } });
  });
});
