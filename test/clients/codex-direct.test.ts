/** The ground the other tests stand on: Codex without a bridge, and the comparison of two runs. */
import { describe, expect, test } from '@jest/globals';
import { codexExec, complaints } from './codex-exec.ts';
import { runDirect } from './run-direct.ts';
import { echoScript } from './scripts.ts';
import { useClients } from './use-clients.ts';

useClients();

describe('Codex straight to a provider over HTTP', () => {
  test.each([['gpt-5.5'], ['gpt-6.1-sol']])(
    '%s runs a command and reports it; a second run of the same is equal to the first',
    async (model) => {
      const options = { script: () => echoScript, home: { model } };
      const first = await runDirect(options, (home) => codexExec(home, 'Run echo hi and report.'));
      const second = await runDirect(options, (home) => codexExec(home, 'Run echo hi and report.'));

      expect(first.result).toMatchObject({ exitCode: 0, lastMessage: 'All done: hi' });
      expect(complaints(first.result)).toEqual([]);
      expect(first.requests).toHaveLength(2);
      expect(second.comparable).toEqual(first.comparable);
    },
  );

  test('what differs in substance stays different', async () => {
    const options = { script: () => echoScript };
    const one = await runDirect(options, (home) => codexExec(home, 'Run echo hi and report.'));
    const other = await runDirect(options, (home) => codexExec(home, 'Run echo hi and report!'));
    expect(other.comparable).not.toEqual(one.comparable);
  });
});
