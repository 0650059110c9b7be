/** A provider's WebSocket that goes wrong: what the real Codex makes of it, row by row. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { routeTo, startBridge } from '../harness/bridge.ts';
import { fakeProvider } from '../harness/fake-provider.ts';
import { codexExec, complaints } from './codex-exec.ts';
import { openCodexHome } from './codex-home.ts';
import { expectedAnswers } from './error-table/observe.ts';
import { fewRetries } from './error-table/fault-row.ts';
import { runRow, type RowRun } from './error-table/run-row.ts';
import { noiseImage } from './noise-image.ts';
import { socketFaults } from './socket-faults.ts';

/** Retries with their real delays, while other rows run beside it. */
const timeoutMs = 90_000;

describe.each(Object.entries(socketFaults))('%s', (_, rows) => {
  test.concurrent.each(rows.map((row) => [row.happened, row] as const))(
    '%s',
    async (_name, row) => {
      const { longestGapS: _longestGapS, ...seen } = await runRow(row.arrange());
      const { afterS: _afterS, ...does } = row.does;
      expect(seen).toEqual({
        gets: row.gets,
        does,
        sees: row.sees,
        answers: expectedAnswers(row),
        cameBy: row.cameBy,
      });
    },
    timeoutMs,
  );
});

/** With `transport: WebSocket` there is no HTTP to go to: a refusal of the upgrade is the turn's own. */
const socketOnly = { provider: { transport: 'WebSocket' } };
const error = { type: 'server_error', code: null, param: null, message: 'As the test says.' };

test.concurrent.each([400, 401, 403, 429, 500, 503])(
  'an upgrade that is refused with %i, and no HTTP beside it: Codex shows what it shows of a POST refused so',
  async (status) => {
    const body = { error };
    const overSocket = await runRow({
      webSocket: { refuse: { status, body } },
      route: socketOnly,
      codex: fewRetries,
    });
    const overHttp = await runRow({
      provider: () => ({ status: { code: status, body } }),
      codex: fewRetries,
    });
    expect(shownOf(overSocket)).toEqual(shownOf(overHttp));
    expect(overSocket.cameBy).toEqual([]);
  },
  timeoutMs,
);

test.concurrent.each([404, 405, 426, 501])(
  'an upgrade that is refused with %i, and no HTTP beside it: Codex shows that there is no WebSocket, and what to write',
  async (status) => {
    const webSocket = { refuse: { status, body: { error } } };
    const { sees, does } = await runRow({ webSocket, route: socketOnly, codex: fewRetries });
    expect(sees.join()).toMatch(/has no WebSocket at this URL: .* set its transport to HTTP/);
    expect(does.how).toMatch(/stops|gives up/);
  },
  timeoutMs,
);

/** Without the handshakes: the warm-up meets the refusal as well, which costs one more, and nobody sees it. */
function shownOf({ gets, does: { sockets: _sockets, ...does }, sees, answers }: RowRun): object {
  return { gets, does, sees, answers };
}

test(
  'an image that makes a frame of more than 16 MiB goes over HTTP, and its turn ends as any other',
  async () => {
    // Codex makes larger pictures smaller, this one not
    const image = noiseImage(2048, 2048);
    await using provider = await fakeProvider([{ text: 'I see it' }], { webSocket: 'on' });
    await using bridge = await startBridge({
      routes: routeTo(provider.url, { provider: { transport: 'Auto' } }),
    });
    await using home = await openCodexHome({ baseUrl: bridge.url });
    const path = join(home.work, 'noise.png');
    await writeFile(path, image);
    const run = await codexExec(home, 'What is it?', timeoutMs, [path]);

    expect(complaints(run)).toEqual([]);
    expect(run).toMatchObject({ exitCode: 0, lastMessage: 'I see it' });
    const turns = provider.requests.filter(({ body }) => body['generate'] !== false);
    expect(turns.map(({ via, rawBody }) => [via, rawBody.length > 16 * 1024 * 1024])).toEqual([
      ['http', true],
    ]);
  },
  timeoutMs,
);
