/** Several turns in one Codex process, compared with the same turns straight to the provider over HTTP. */
import { describe, expect, test } from '@jest/globals';
import { openAppServer, type EndedTurn } from './codex-app-server.ts';
import type { CodexHome } from './codex-home.ts';
import { inputOf } from './comparable.ts';
import { runBoth } from './run-both.ts';
import { answerScript, compactionScript, echoScript } from './scripts.ts';
import { useClients } from './use-clients.ts';

useClients();

describe('three turns in one process', () => {
  test.each([['gpt-5.5'], ['gpt-6.1-sol']])(
    '%s: one socket, what is new in each frame, everything in each request',
    async (model) => {
      const options = { script: () => answerScript, home: { model } };
      const { direct, bridged } = await runBoth(options, turns('First', 'Second', 'Third'));

      expect(bridged.result.map(({ text }) => text)).toEqual([
        'Answer to: First',
        'Answer to: Second',
        'Answer to: Third',
      ]);
      expect(bridged.connections).toHaveLength(1);
      const frames = bridged.connections[0]?.frames ?? [];
      expect(frames).toHaveLength(4);
      for (const frame of frames.slice(2)) {
        expect(frame['input']).toHaveLength(1);
        expect(typeof frame['previous_response_id']).toBe('string');
      }
      expect(bridged.comparable).toEqual(direct.comparable);
    },
  );

  test('a tool call in the middle turn changes nothing of that', async () => {
    const script = () => echoScript;
    const { direct, bridged } = await runBoth({ script }, turns('First', 'Second'));

    expect(bridged.result.map(({ text }) => text)).toEqual(['All done: hi', 'All done: hi']);
    expect(bridged.connections).toHaveLength(1);
    expect(bridged.requests).toHaveLength(4);
    expect(bridged.comparable).toEqual(direct.comparable);
  });

  test('another effort, then another model: everything again on the same socket', async () => {
    const { direct, bridged } = await runBoth({ script: () => answerScript }, async (home) => {
      await using codex = await openAppServer(home);
      return [
        await codex.turn('First'),
        await codex.turn('Second', { effort: 'high' }),
        await codex.turn('Third', { model: 'a-model-of-ones-own' }),
      ];
    });

    expect(bridged.result.map(({ status }) => status)).toEqual(['completed', 'completed', 'completed']);
    expect(bridged.connections).toHaveLength(1);
    expect(bridged.comparable).toEqual(direct.comparable);
  });

  test('from an ordinary model to a lite one: Codex compacts on a socket of its own, then goes on', async () => {
    const { direct, bridged } = await runBoth({ script: () => compactionScript }, async (home) => {
      await using codex = await openAppServer(home);
      return [await codex.turn('First'), await codex.turn('Second', { model: 'gpt-6.1-sol' })];
    });

    expect(bridged.result.map(({ status }) => status)).toEqual(['completed', 'completed']);
    expect(bridged.requests).toHaveLength(3);
    expect(bridged.connections.map(({ isWebSocket }) => isWebSocket)).toEqual([true, true]);
    expect(bridged.comparable).toEqual(direct.comparable);
  });
});

describe('a compaction between two turns', () => {
  const v2 = 'capabilities = { remote_compaction = "v2" }';

  test.each([
    ['on the client, ordinary model', { model: 'gpt-5.5' }],
    ['on the client, lite model', { model: 'gpt-6.1-sol' }],
    ['by a trigger item', { model: 'gpt-5.5', providerLines: [v2] }],
  ])('%s: the provider gets the same requests as over HTTP', async (_, home) => {
    const { direct, bridged } = await runBoth({ script: () => compactionScript, home }, async (at) => {
      await using codex = await openAppServer(at);
      return [await codex.turn('First'), await codex.compact(), await codex.turn('After it')];
    });

    expect(bridged.result.map(({ status }) => status)).toEqual(['completed', 'completed', 'completed']);
    expect(bridged.result[2]?.text).toBe('Answer to: After it');
    expect(bridged.connections).toHaveLength(1);
    expect(bridged.requests).toHaveLength(3);
    expect(bridged.comparable).toEqual(direct.comparable);
  });

  test('by a trigger item: what was compacted comes back as the item that the provider gave', async () => {
    const options = { script: () => compactionScript, home: { providerLines: [v2] } };
    const { bridged } = await runBoth(options, async (home) => {
      await using codex = await openAppServer(home);
      return [await codex.turn('First'), await codex.compact(), await codex.turn('After it')];
    });

    expect(inputOf(bridged.requests[1]).at(-1)).toEqual({ type: 'compaction_trigger' });
    expect(inputOf(bridged.requests[2])).toContainEqual({
      type: 'compaction',
      id: 'cmp_1',
      encrypted_content: 'compacted-and-encrypted',
    });
  });
});

function turns(...questions: readonly string[]): (home: CodexHome) => Promise<readonly EndedTurn[]> {
  return async (home) => {
    await using codex = await openAppServer(home);
    const ended: EndedTurn[] = [];
    for (const question of questions) ended.push(await codex.turn(question));
    expect(codex.notifications.map(({ method }) => method)).not.toContain('error');
    return ended;
  };
}
