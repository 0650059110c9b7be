/** The connection between Codex and the bridge ends while a turn runs. */
import { gate } from '../../harness/fake-provider.ts';
import { until } from '../../harness/wait-for.ts';
import { fewRetries, goodAnswer, once, patienceSeconds, type FaultRow, type Stage } from './fault-row.ts';
import { keyed } from './provider-faults.ts';
import { codexHears, drainAndMove, firstRequest, handshakes, refusesWhatIsNew, reload } from './spoilers.ts';

const patienceMs = patienceSeconds * 1000;

export const cutOff: readonly FaultRow[] = [
  {
    happened: 'a drain; the turn ends in time',
    arrange: () => {
      const held = gate();
      return {
        provider: () => [{ begin: true }, { until: held.promise }, { text: goodAnswer }],
        async meanwhile(stage) {
          await firstRequest(stage);
          const drained = drainAndMove(stage);
          await refusesWhatIsNew(stage);
          held.open();
          await drained;
        },
      };
    },
    gets: ['close 1012'],
    does: { how: 'goes on', sockets: 1, turns: 1, posts: 0 },
    sees: [],
    advice: '',
  },
  {
    happened: 'the drain’s deadline, before a finished item',
    arrange: once([{ text: 'Half an', unfinished: true }, { stall: true }], {
      meanwhile: cutAfter('response.output_text.delta'),
    }),
    gets: ['error 400 websocket_connection_limit_reached', 'close 1012'],
    does: { how: 'tries again', sockets: 2, turns: 2, posts: 0 },
    sees: [],
    advice: '',
  },
  {
    happened: 'the drain’s deadline, before the first event',
    arrange: once('silent', {
      meanwhile: async (stage) => {
        await firstRequest(stage);
        await drainAndMove(stage, 0);
      },
    }),
    gets: ['error 400 websocket_connection_limit_reached', 'close 1012'],
    does: { how: 'tries again', sockets: 2, turns: 2, posts: 0 },
    sees: [],
    advice: '',
  },
  {
    happened: 'the drain’s deadline, after a finished message',
    arrange: once([{ text: 'A first message' }, { stall: true }], {
      meanwhile: cutAfter('response.output_item.done'),
    }),
    gets: ['response.failed server_draining', 'close 1012'],
    does: { how: 'tries again', sockets: 2, turns: 2, posts: 0 },
    sees: [],
    answers: ['A first message', 'The answer'],
    advice: 'the user may see two answers: give drains more time',
  },
  {
    happened: 'the drain’s deadline, after a finished tool call',
    arrange: once([{ toolCall: { name: 'exec_command', arguments: { cmd: 'echo hi' } } }, { stall: true }], {
      meanwhile: cutAfter('response.output_item.done'),
    }),
    gets: ['response.failed server_draining', 'close 1012'],
    does: { how: 'tries again', sockets: 2, turns: 2, posts: 0 },
    sees: [],
    advice: 'the tool runs once; its output goes along',
  },
  {
    happened: '`limits.maxConnectionAgeSeconds`, in mid turn',
    // the turn has to begin before, and to end after
    arrange: once([{ begin: true }, { wait: 4500 }, { text: goodAnswer }], {
      route: { limits: { maxConnectionAgeSeconds: 3 } },
    }),
    gets: ['close 1012'],
    does: { how: 'goes on', sockets: 1, turns: 1, posts: 0 },
    sees: [],
    advice: '',
  },
  {
    happened: 'its key is revoked, in mid turn',
    arrange: () => {
      const held = gate();
      return {
        route: keyed,
        secrets: { keys: { codex: 'client-key' } },
        provider: () => [{ begin: true }, { until: held.promise }, { text: goodAnswer }],
        async meanwhile(stage) {
          await codexHears(stage, 'response.created');
          await reload(stage, stage.routes.replace('client-key', 'another-key'));
          held.open();
        },
      };
    },
    gets: ['close 1008'],
    does: { how: 'goes on', sockets: 1, turns: 1, posts: 0 },
    sees: [],
    advice: 'use another key before the next turn',
  },
  {
    happened: 'the bridge is killed',
    arrange: once([{ text: 'Half an', unfinished: true }, { stall: true }], {
      hasNetwork: true,
      meanwhile: async (stage) => {
        await codexHears(stage, 'response.output_text.delta');
        stage.network.reset();
      },
    }),
    gets: ['TCP reset'],
    does: { how: 'tries again', sockets: 2, turns: 2, posts: 0 },
    sees: [],
    advice: '',
  },
  {
    happened: 'something on the way ends the connection',
    arrange: once([{ text: 'Half an', unfinished: true }, { stall: true }], {
      hasNetwork: true,
      meanwhile: async (stage) => {
        await codexHears(stage, 'response.output_text.delta');
        stage.network.cut();
      },
    }),
    gets: ['TCP end'],
    does: { how: 'tries again', sockets: 2, turns: 2, posts: 0 },
    sees: [],
    advice: '',
  },
  {
    happened: 'the line goes dead',
    arrange: once([{ text: 'Half an', unfinished: true }, { stall: true }], {
      hasNetwork: true,
      codex: { streamIdleTimeoutMs: patienceMs },
      meanwhile: async (stage) => {
        await codexHears(stage, 'response.output_text.delta');
        stage.network.silence();
        await until(() => stage.tap.sockets[0]?.endedAt, 'Codex to give the line up', 30_000);
        stage.network.restore();
      },
    }),
    gets: [],
    does: { how: 'tries again', sockets: 2, turns: 2, posts: 0 },
    sees: [],
    advice: 'Codex waits `stream_idle_timeout_ms`, 300 s if not set',
  },
  {
    happened: 'Codex takes nothing for `--client-stall-timeout`',
    arrange: once([{ text: 'x'.repeat(1 << 20), repeat: 24, unfinished: true }, { stall: true }], {
      hasNetwork: true,
      bridge: { settings: { flow: { maxUnsentBytes: 1 << 16, maxStallMs: 500 } } },
      meanwhile: async (stage) => {
        await firstRequest(stage);
        stage.network.throttle(1);
        const isGivenUp = (): boolean =>
          stage.bridge.logs().some((line) => line['close_reason'] === 'client reads too slowly');
        await until(isGivenUp, 'the bridge to give it up', 30_000);
        stage.network.restore();
      },
    }),
    gets: ['TCP end'],
    does: { how: 'tries again', sockets: 2, turns: 2, posts: 0 },
    sees: [],
    advice: 'look at the client’s machine and line',
  },
  {
    happened: 'the bridge does not answer a handshake',
    arrange: () => ({
      hasNetwork: true,
      codex: { webSocketConnectTimeoutMs: patienceMs },
      before: async ({ network }) => network.silence(),
      meanwhile: async (stage) => {
        await handshakes(stage, 1);
        await until(() => stage.tap.sockets[0]?.endedAt, 'Codex to give the handshake up', 30_000);
        stage.network.restore();
      },
    }),
    gets: [],
    does: { how: 'tries again', sockets: 2, turns: 1, posts: 0 },
    sees: [],
    advice: '',
  },
  {
    happened: 'the bridge does not answer the warm-up',
    arrange: () => ({
      hasNetwork: true,
      codex: { webSocketConnectTimeoutMs: patienceMs },
      async before({ network }) {
        void network.at({ way: 'toClient', behind: '\r\n\r\n' }, () => network.silence());
      },
      async meanwhile({ tap, network }) {
        await until(() => tap.sockets[0]?.endedAt, 'Codex to give the warm-up up', 30_000);
        network.restore();
      },
    }),
    gets: [],
    does: { how: 'tries again', sockets: 2, turns: 1, posts: 0 },
    sees: [],
    advice: 'Codex waits `websocket_connect_timeout_ms`, 15 s if not set',
  },
  {
    happened: 'the bridge’s port refuses connections for a moment',
    arrange: () => ({
      hasNetwork: true,
      before: async ({ network }) => network.refuse(),
      meanwhile: async ({ network }) => {
        await until(() => network.connections >= 2, 'two connections', 30_000);
        network.restore();
      },
    }),
    gets: ['TCP reset'],
    does: { how: 'tries again', turns: 1, posts: 0 },
    sees: [],
    advice: '',
  },
  {
    happened: 'nobody listens at the bridge’s address',
    arrange: () => ({ codex: { ...fewRetries, baseUrl: 'http://127.0.0.1:1/v1' } }),
    gets: [],
    does: { how: 'gives up', sockets: 0, turns: 0, posts: 0 },
    sees: [
      'Falling back from WebSockets to HTTPS transport. stream disconnected before completion: Connection refused (os error 111)',
      'Reconnecting... 1/1 (Connection failed: error sending request)',
      'Connection failed: error sending request',
    ],
    advice: 'start it; correct Codex’s `base_url`',
  },
];

/** New connections go elsewhere and the drain's deadline passes, once Codex has heard such an event. */
function cutAfter(type: string): (stage: Stage) => Promise<void> {
  return async (stage) => {
    await codexHears(stage, type);
    await drainAndMove(stage, 0);
  };
}
