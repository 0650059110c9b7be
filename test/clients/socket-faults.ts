/**
 * What can go wrong on a provider's WebSocket while the real Codex talks to the bridge, and what it shows: rows for
 * codex-socket-faults.test.ts and for docs/reliability.md. Nothing may be worse than over HTTP.
 */
import type { WebSocketSettings } from '../../src/scripted/websocket-settings.ts';
import { patienceSeconds, type Arrangement, type FaultRow, type Stage } from './error-table/fault-row.ts';
import type { AnswerLike } from '../../src/scripted/script.ts';
import { until } from '../harness/wait-for.ts';

/** A row with what the bridge did at the provider. */
export interface SocketFault extends Omit<FaultRow, 'advice'> {
  /** How each turn that the provider was asked for came to it, in order. */
  readonly cameBy: readonly ('websocket' | 'http')[];
}

const goesOn = { how: 'goes on', sockets: 1, turns: 1, posts: 0 } as const;
const secondGoesOn = { ...goesOn, turns: 2 } as const;
const triesAgain = { how: 'tries again', sockets: 2, turns: 2, posts: 0 } as const;
const triesAgainLater = { ...triesAgain, turns: 3 } as const;

/** The route's provider has a WebSocket that behaves like this. */
function over(webSocket: WebSocketSettings, more: Partial<Arrangement> = {}): Arrangement {
  return { webSocket, ...more };
}

/** The first turn meets the fault. */
function once(fault: AnswerLike): () => Arrangement {
  return () => over({}, { provider: (number) => (number === 1 ? fault : undefined) });
}

/** Each status that an upgrade may be refused with; what all of them come to with `Auto` is the same. */
const statuses = [400, 401, 403, 404, 405, 426, 429, 500, 501, 503] as const;

const refusedUpgrades: readonly SocketFault[] = statuses.map((status) => ({
  happened: `the upgrade is refused with ${status}`,
  arrange: () => over({ refuse: { status } }),
  gets: [],
  does: goesOn,
  sees: [],
  cameBy: ['http'],
}));

async function socketsGone({ provider }: Stage): Promise<void> {
  await until(() => provider.openSockets === 0, 'the provider’s socket to be gone');
}

const beforeEvents: readonly SocketFault[] = [
  {
    happened: 'the upgrade is not answered',
    arrange: () =>
      over(
        { stallUpgrade: new Promise(() => undefined) },
        // Codex's warm-up waits for it as well, and must not give up before
        { route: { timeouts: { connectSeconds: patienceSeconds } } },
      ),
    gets: [],
    does: goesOn,
    sees: [],
    cameBy: ['http'],
  },
  // Codex's warm-up has opened the socket: the turn is the second frame on it, and may be asked for once more
  {
    happened: 'a reset before the first event',
    arrange: once([{ reset: true }]),
    gets: [],
    does: goesOn,
    sees: [],
    cameBy: ['websocket', 'websocket'],
  },
  ...([1000, 1001, 1012] as const).map((code): SocketFault => ({
    happened: `close ${code} before the first event`,
    arrange: once([{ close: { code, reason: 'as the script says' } }]),
    gets: [],
    does: goesOn,
    sees: [],
    cameBy: ['websocket', 'websocket'],
  })),
  ...([1011, 4000] as const).map((code): SocketFault => ({
    happened: `close ${code} before the first event`,
    arrange: once([{ close: { code, reason: 'as the script says' } }]),
    gets: [],
    does: goesOn,
    sees: [],
    cameBy: ['websocket', 'http'],
  })),
  {
    happened: 'close 1013 before the first event',
    arrange: once([{ close: { code: 1013 } }]),
    gets: ['error 503 slow_down, retry after 1 s'],
    does: { ...triesAgain, afterS: 1 },
    sees: [],
    cameBy: ['websocket', 'websocket'],
  },
  {
    happened: 'a reset before the first event, on a new socket',
    arrange: () =>
      over(
        {},
        {
          provider: (number) => (number === 2 ? [{ reset: true }] : undefined),
          between: async (stage) => {
            stage.provider.closeSockets(1001);
            await socketsGone(stage);
          },
        },
      ),
    gets: [],
    does: secondGoesOn,
    sees: [],
    cameBy: ['websocket', 'websocket', 'http'],
  },
];

const withinEvents: readonly SocketFault[] = [
  {
    happened: 'a reset after `response.created`',
    arrange: once([{ begin: true }, { reset: true }]),
    gets: ['response.failed provider_connection_lost'],
    does: triesAgain,
    sees: [],
    cameBy: ['websocket', 'websocket'],
  },
  {
    happened: 'a reset after some text',
    arrange: once([{ text: 'Half a sen', unfinished: true }, { reset: true }]),
    gets: ['response.failed provider_connection_lost'],
    does: triesAgain,
    sees: [],
    cameBy: ['websocket', 'websocket'],
  },
  {
    happened: 'close 1012 after some text',
    arrange: once([{ text: 'Half a sen', unfinished: true }, { close: { code: 1012 } }]),
    gets: ['response.failed provider_connection_lost'],
    does: triesAgain,
    sees: [],
    cameBy: ['websocket', 'websocket'],
  },
  {
    happened: 'close 1000 after a finished tool call',
    arrange: once([
      { toolCall: { name: 'exec_command', arguments: { cmd: 'echo ran >> ran.txt; echo hi' } } },
      { close: { code: 1000 } },
    ]),
    gets: ['response.failed provider_connection_lost'],
    does: triesAgain,
    sees: [],
    cameBy: ['websocket', 'websocket'],
  },
  {
    happened: 'a binary message',
    arrange: once([{ begin: true }, { binary: 'what is this' }]),
    gets: ['response.failed provider_protocol_error'],
    does: triesAgain,
    sees: [],
    cameBy: ['websocket', 'websocket'],
  },
];

const betweenTurns: readonly SocketFault[] = [
  {
    happened: 'a reset between two turns',
    arrange: () =>
      over(
        {},
        {
          between: async (stage) => {
            stage.provider.resetSockets();
            await socketsGone(stage);
          },
        },
      ),
    gets: [],
    does: secondGoesOn,
    sees: [],
    cameBy: ['websocket', 'websocket'],
  },
  {
    happened: 'close 1001 between two turns',
    arrange: () =>
      over(
        {},
        {
          between: async (stage) => {
            stage.provider.closeSockets(1001, 'going away');
            await socketsGone(stage);
          },
        },
      ),
    gets: [],
    does: secondGoesOn,
    sees: [],
    cameBy: ['websocket', 'websocket'],
  },
  {
    happened: 'the line is dead between two turns, and nobody was told',
    arrange: () =>
      over(
        {},
        {
          route: { timeouts: { firstEventSeconds: patienceSeconds } },
          between: async ({ provider }) => provider.muteSockets(),
        },
      ),
    gets: ['error 504 first_event_timeout'],
    does: triesAgainLater,
    sees: [],
    cameBy: ['websocket', 'websocket'],
  },
  {
    happened: 'the provider’s limit of a socket’s age',
    arrange: () => over({}, { between: async ({ provider }) => provider.useWebSocket({ maxAgeMs: 1 }) }),
    gets: [],
    does: secondGoesOn,
    sees: [],
    cameBy: ['websocket', 'websocket'],
  },
  {
    happened: 'the provider has no WebSocket any more',
    arrange: () =>
      over(
        {},
        {
          between: async (stage) => {
            stage.provider.useWebSocket({ refuse: { status: 404 } });
            stage.provider.closeSockets(1001);
            await socketsGone(stage);
          },
        },
      ),
    gets: [],
    does: secondGoesOn,
    sees: [],
    cameBy: ['websocket', 'http'],
  },
];

const tooLarge: readonly SocketFault[] = [
  {
    happened: 'a frame above `limits.maxWebSocketMessageBytes`',
    arrange: () => over({}, { route: { provider: { limits: { maxWebSocketMessageBytes: 1_024 } } } }),
    gets: [],
    does: goesOn,
    sees: [],
    cameBy: ['http'],
  },
];

export const socketFaults: Readonly<Record<string, readonly SocketFault[]>> = {
  'the upgrade': refusedUpgrades,
  'before the first event': beforeEvents,
  'within the answer': withinEvents,
  'between two turns': betweenTurns,
  'what is too large': tooLarge,
};
