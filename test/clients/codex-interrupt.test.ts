/** What happens in mid answer: the user adds something, or has had enough. */
import { describe, expect, test } from '@jest/globals';
import { fakeProvider, textAnswer } from '../harness/fake-provider.ts';
import { routeTo, startBridge } from '../harness/bridge.ts';
import { promptly } from '../harness/promptly.ts';
import { until } from '../harness/wait-for.ts';
import type { AnswerFunction } from '../../src/scripted/script.ts';
import { openAppServer, type AppServer } from './codex-app-server.ts';
import { openCodexHome } from './codex-home.ts';
import { inputOf, shapeOf, textOf } from './comparable.ts';
import { openClientTap } from './client-tap.ts';
import { useClients } from './use-clients.ts';

useClients();

/** A turn that nobody waits for any more is stopped within so long. */
const MAX_UNHEARD_MS = 100;

/** One finished message, the beginning of another, then silence; later requests are answered at once. */
const interrupted: AnswerFunction = ({ number }) =>
  number === 1
    ? [
        { text: 'This much is finished.', phase: 'commentary' },
        { text: 'This will never be', unfinished: true },
        { stall: true },
      ]
    : textAnswer('Answer after that');

describe('new input while a lite model answers', () => {
  test('the provider is stopped, and the next request carries what was finished', async () => {
    await using provider = await fakeProvider(interrupted);
    await using bridge = await startBridge({ routes: routeTo(provider.url) });
    await using tap = await openClientTap(bridge.port);
    await using home = await openCodexHome({ baseUrl: tap.url, model: 'gpt-6.1-sol' });
    await using codex = await openAppServer(home);

    const turn = await codex.startTurn('Tell a long story');
    await heardText(codex, 'This will never be');
    await codex.steer(turn, 'Stop and say bye');
    const ended = await codex.endOfTurn(turn);

    expect(ended).toMatchObject({ status: 'completed', text: 'Answer after that' });
    const [first, second] = provider.requests;
    expect((await first?.closed)?.how).toBe('client-closed');
    const before = inputOf(first);
    const after = inputOf(second);
    expect(after.slice(0, before.length)).toEqual(before);
    expect(shapeOf(second).slice(before.length)).toEqual(['message/assistant', 'message/user']);
    expect(textOf(after.at(-2))).toBe('This much is finished.');
    expect(textOf(after.at(-1))).toBe('Stop and say bye');

    const [socket, ...more] = tap.connections;
    expect(more).toEqual([]);
    expect(socket?.frames.map(({ type }) => type)).toEqual([
      'response.create',
      'response.create',
      'response.interrupt',
      'response.create',
    ]);
    expect(socket?.frames[3]?.['previous_response_id']).toBe(socket?.frames[2]?.['response_id']);
    expect(codex.notifications.map(({ method }) => method)).not.toContain('error');
  });

  test('the turn after that goes on from there', async () => {
    await using provider = await fakeProvider(interrupted);
    await using bridge = await startBridge({ routes: routeTo(provider.url) });
    await using home = await openCodexHome({ baseUrl: bridge.url, model: 'gpt-6.1-sol' });
    await using codex = await openAppServer(home);
    const turn = await codex.startTurn('Tell a long story');
    await heardText(codex, 'This will never be');
    await codex.steer(turn, 'Stop and say bye');
    await codex.endOfTurn(turn);

    expect(await codex.turn('Second turn')).toMatchObject({ text: 'Answer after that' });
    const [, second, third] = provider.requests;
    const before = inputOf(second);
    expect(inputOf(third).slice(0, before.length)).toEqual(before);
    expect(shapeOf(third).slice(before.length)).toEqual(['message/assistant', 'message/user']);
  });
});

describe('the user cancels in mid answer', () => {
  test.each([['gpt-5.5'], ['gpt-6.1-sol']])(
    '%s: the provider hears of it within 100 ms, and the next turn starts afresh on a new socket',
    async (model) => {
      await expect(promptly(() => cancelled(model), MAX_UNHEARD_MS)).resolves.toBeUndefined();
    },
    120_000,
  );
});

/** How long after the end of its socket the provider hears of a turn that is cancelled. Looks at all else that follows. */
async function cancelled(model: string): Promise<number> {
  await using provider = await fakeProvider(interrupted);
  await using bridge = await startBridge({ routes: routeTo(provider.url) });
  await using tap = await openClientTap(bridge.port);
  await using home = await openCodexHome({ baseUrl: tap.url, model });
  await using codex = await openAppServer(home);

  const turn = await codex.startTurn('Tell a long story');
  await heardText(codex, 'This will never be');
  await codex.interrupt(turn);
  expect((await codex.endOfTurn(turn)).status).toBe('interrupted');

  const first = await provider.waitForRequest(({ number }) => number === 1);
  const { how, at } = await first.closed;
  expect(how).toBe('client-closed');
  const droppedAt = await until(() => tap.sockets[0]?.endedAt, 'the end of the first socket');

  expect(await codex.turn('Second turn')).toMatchObject({
    status: 'completed',
    text: 'Answer after that',
  });
  expect(tap.sockets).toHaveLength(2);
  expect(tap.sockets[1]?.frames[0]?.['previous_response_id']).toBeUndefined();
  const second = provider.requests[1];
  expect(textOf(inputOf(second).at(-2))).toContain('<turn_aborted>');
  expect(textOf(inputOf(second).at(-1))).toBe('Second turn');
  return at - droppedAt;
}

async function heardText(codex: AppServer, text: string): Promise<void> {
  let heard = '';
  await codex.waitFor(`the text "${text}"`, ({ method, params }) => {
    if (method === 'item/agentMessage/delta') heard += String(params['delta']);
    return heard.includes(text);
  });
}
