/** Many clients at once: they count what they hear and keep only how each turn ended. */
import { WebSocket } from 'ws';
import type { LoadModel } from './load-provider.ts';

export interface LoadClient {
  readonly ws: WebSocket;
  /** Messages so far. */
  readonly heard: number;
  /** Starts a turn. */
  create(model: LoadModel, more?: object): void;
  /** The next ending of a turn: the last event of the response, or the error. Rejects when the socket closes first. */
  ending(): Promise<Ending>;
  /** Starts a turn and waits for its ending. */
  ask(model: LoadModel, more?: object): Promise<Ending>;
  /** Reads nothing from now on. */
  stopReading(): void;
  startReading(): void;
  /** Ends the connection without a word. */
  leave(): void;
  readonly closed: Promise<{ readonly code: number }>;
}

export interface Ending {
  readonly type: string;
  readonly responseId: string;
  /** Of an error event or a failed response; empty otherwise. */
  readonly code: string;
}

/** Within the first bytes: a lane's name may stand before it. */
const ENDING = /^\{[^{]*"type":"(?:response\.(?:completed|incomplete|failed)|error)"/;

/** Opens one, with the headers of its handshake. */
export async function openLoadClient(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<LoadClient> {
  const ws = new WebSocket(url, { perMessageDeflate: false, headers });
  let heard = 0;
  const endings: Ending[] = [];
  const waiting: PromiseWithResolvers<Ending>[] = [];
  ws.on('message', (data: Buffer) => {
    heard++;
    if (!ENDING.test(data.toString('latin1', 0, 128))) return;
    const ending = toEnding(data);
    const waiter = waiting.shift();
    if (waiter === undefined) endings.push(ending);
    else waiter.resolve(ending);
  });
  const closed = new Promise<{ code: number }>((resolve) =>
    ws.on('close', (code) => {
      for (const waiter of waiting.splice(0)) waiter.reject(new Error(`closed with ${code}`));
      resolve({ code });
    }),
  );
  await new Promise((resolve, reject) => {
    ws.once('open', resolve);
    ws.once('error', reject);
  });
  ws.on('error', () => undefined); // the close says it too
  const create = (model: LoadModel, more: object = {}): void =>
    ws.send(JSON.stringify({ type: 'response.create', model, input: 'go', ...more }));
  const ending = (): Promise<Ending> => {
    const ready = endings.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    const waiter = Promise.withResolvers<Ending>();
    waiting.push(waiter);
    return waiter.promise;
  };
  return {
    ws,
    get heard() {
      return heard;
    },
    create,
    ending,
    ask: (model, more) => {
      create(model, more);
      return ending();
    },
    stopReading: () => ws.pause(),
    startReading: () => ws.resume(),
    leave: () => ws.terminate(),
    closed,
  };
}

/** Opens so many, fifty at a time: a listener's backlog is no part of what is measured. */
export async function openLoadClients(url: string, count: number): Promise<LoadClient[]> {
  const clients: LoadClient[] = [];
  while (clients.length < count) {
    const batch = Math.min(50, count - clients.length);
    // oxlint-disable-next-line no-await-in-loop -- one batch after the other is the point
    clients.push(...(await Promise.all(Array.from({ length: batch }, () => openLoadClient(url)))));
  }
  return clients;
}

function toEnding(data: Buffer): Ending {
  const event = JSON.parse(data.toString()) as {
    readonly type: string;
    readonly response?: { readonly id?: string; readonly error?: { readonly code?: string } };
    readonly error?: { readonly code?: string };
  };
  return {
    type: event.type,
    responseId: event.response?.id ?? '',
    code: event.error?.code ?? event.response?.error?.code ?? '',
  };
}
