/** Codex where there is no WebSocket, and what its own doctor says of a bridge. */
import { describe, expect, test } from '@jest/globals';
import { routeTo, startBridge } from '../harness/bridge.ts';
import { fakeProvider } from '../harness/fake-provider.ts';
import { openAppServer } from './codex-app-server.ts';
import { codexDoctor, codexExec, complaints } from './codex-exec.ts';
import { openCodexHome } from './codex-home.ts';
import { openClientTap } from './client-tap.ts';
import { comparable } from './comparable.ts';
import { runDirect } from './run-direct.ts';
import { answerScript, echoScript } from './scripts.ts';
import { useClients } from './use-clients.ts';

useClients();

const webSocketOff = { clients: { auth: { type: 'None' }, webSocket: 'Disabled' } };

describe('a route that switches the WebSocket off', () => {
  test.each([['gpt-5.5'], ['gpt-6.1-sol']])(
    '%s goes to HTTP at once, its user sees nothing, and the provider gets the same requests',
    async (model) => {
      await using provider = await fakeProvider(echoScript);
      await using bridge = await startBridge({ routes: routeTo(provider.url, webSocketOff) });
      await using home = await openCodexHome({ baseUrl: bridge.url, model });
      const run = await codexExec(home, 'Run echo hi and report.');
      const options = { script: () => echoScript, home: { model } };
      const direct = await runDirect(options, (at) => codexExec(at, 'Run echo hi and report.'));

      expect(complaints(run)).toEqual([]);
      expect(run).toMatchObject({ exitCode: 0, lastMessage: 'All done: hi' });
      expect(comparable(provider.requests, home)).toEqual(direct.comparable);
    },
  );

  test('the decision holds for the whole thread: no second handshake', async () => {
    await using provider = await fakeProvider(answerScript);
    await using bridge = await startBridge({ routes: routeTo(provider.url, webSocketOff) });
    await using tap = await openClientTap(bridge.port);
    await using home = await openCodexHome({ baseUrl: tap.url });
    await using codex = await openAppServer(home);
    expect(await codex.turn('First')).toMatchObject({ text: 'Answer to: First' });
    expect(await codex.turn('Second')).toMatchObject({ text: 'Answer to: Second' });

    expect(tap.sockets).toHaveLength(1);
    expect(codex.notifications.map(({ method }) => method)).not.toContain('error');
  });
});

describe('codex without WebSocket support configured', () => {
  test('plain HTTP through the bridge is the same as without it', async () => {
    await using provider = await fakeProvider(echoScript);
    await using bridge = await startBridge({ routes: routeTo(provider.url) });
    await using home = await openCodexHome({ baseUrl: bridge.url, webSocket: false });
    const run = await codexExec(home, 'Run echo hi and report.');
    const direct = await runDirect({ script: () => echoScript }, (at) =>
      codexExec(at, 'Run echo hi and report.'),
    );

    expect(run).toMatchObject({ exitCode: 0, lastMessage: 'All done: hi' });
    expect(comparable(provider.requests, home)).toEqual(direct.comparable);
  });
});

describe('codex doctor', () => {
  test('finds the socket, the endpoint and the list of models in order', async () => {
    await using provider = await fakeProvider(echoScript);
    await using bridge = await startBridge({ routes: routeTo(provider.url) });
    await using home = await openCodexHome({ baseUrl: bridge.url });
    const { exitCode, report } = await codexDoctor(home);

    expect(exitCode).toBe(0);
    expect(report['checks']).toMatchObject({
      'network.websocket_reachability': { status: 'ok' },
      'network.provider_reachability': { status: 'ok' },
    });
    expect(provider.requests.filter(({ method }) => method === 'POST')).toEqual([]);
  });
});
