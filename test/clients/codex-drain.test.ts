/** A rollout as Codex sees it: its bridge drains, another one takes over behind the same address. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { fakeProvider, gate, textAnswer } from '../harness/fake-provider.ts';
import { routeTo, startBridge } from '../harness/bridge.ts';
import { openAppServer } from './codex-app-server.ts';
import { openCodexHome } from './codex-home.ts';
import { comparable } from './comparable.ts';
import { openClientTap } from './client-tap.ts';
import { runDirect } from './run-direct.ts';
import { firstRequest } from './error-table/spoilers.ts';
import { answerScript, echoScript } from './scripts.ts';
import { useClients } from './use-clients.ts';

useClients();

test('between two turns: the user sees nothing, and the other bridge gets everything', async () => {
  await using provider = await fakeProvider(answerScript);
  await using old = await startBridge({ routes: routeTo(provider.url) });
  await using next = await startBridge({ routes: routeTo(provider.url) });
  await using tap = await openClientTap(old.port);
  await using home = await openCodexHome({ baseUrl: tap.url });
  await using codex = await openAppServer(home);

  await codex.turn('First');
  tap.retarget(next.port);
  await old.drain();
  expect(await codex.turn('Second')).toMatchObject({ status: 'completed', text: 'Answer to: Second' });

  expect(tap.sockets).toHaveLength(2);
  expect(tap.sockets[1]?.frames[0]?.['previous_response_id']).toBeUndefined();
  expect(codex.notifications.map(({ method }) => method)).not.toContain('error');
  const direct = await runDirect({ script: () => answerScript }, async (at) => {
    await using alone = await openAppServer(at);
    return [await alone.turn('First'), await alone.turn('Second')];
  });
  expect(comparable(provider.requests, home)).toEqual(direct.comparable);
});

test('in mid answer: the answer comes to its end, then the other bridge takes over', async () => {
  const held = gate();
  await using provider = await fakeProvider(({ number }) =>
    number === 1
      ? [{ text: 'It begins', unfinished: true }, { until: held.promise }, { text: 'The whole answer' }]
      : textAnswer('From the other bridge'),
  );
  await using old = await startBridge({ routes: routeTo(provider.url) });
  await using next = await startBridge({ routes: routeTo(provider.url) });
  await using tap = await openClientTap(old.port);
  await using home = await openCodexHome({ baseUrl: tap.url });
  await using codex = await openAppServer(home);

  const turn = await codex.startTurn('First');
  await codex.waitFor('the first text', ({ method }) => method === 'item/agentMessage/delta');
  tap.retarget(next.port);
  const drained = old.drain();
  held.open();
  expect(await codex.endOfTurn(turn)).toMatchObject({ status: 'completed', text: 'The whole answer' });
  await drained;

  expect(await codex.turn('Second')).toMatchObject({ text: 'From the other bridge' });
  expect(provider.requests).toHaveLength(2);
  expect(codex.notifications.map(({ method }) => method)).not.toContain('error');
});

test('between a tool call and its output: the command runs once and its output goes to the other bridge', async () => {
  const held = gate();
  await using provider = await fakeProvider(async (request) => {
    if (request.number > 1) return echoScript(request);
    return [
      { toolCall: { name: 'exec_command', arguments: { cmd: 'echo once >> ran.txt; echo hi' } } },
      { until: held.promise },
    ];
  });
  await using old = await startBridge({ routes: routeTo(provider.url) });
  await using next = await startBridge({ routes: routeTo(provider.url) });
  await using tap = await openClientTap(old.port);
  await using home = await openCodexHome({ baseUrl: tap.url });
  await using codex = await openAppServer(home);

  const turn = await codex.startTurn('Run echo hi and report.');
  await firstRequest({ provider });
  tap.retarget(next.port);
  const drained = old.drain();
  held.open();
  expect(await codex.endOfTurn(turn)).toMatchObject({ status: 'completed', text: 'All done: hi' });
  await drained;

  expect(await readFile(join(home.work, 'ran.txt'), 'utf8')).toBe('once\n');
  expect(provider.requests).toHaveLength(2);
  expect(tap.sockets).toHaveLength(2);
  expect(codex.notifications.map(({ method }) => method)).not.toContain('error');
});
