/**
 * `codex app-server`: several turns in one process, steering and cancelling. JSON lines over its standard streams;
 * requests have an id and get an answer, notifications come in between.
 */
import { createInterface } from 'node:readline';
import type { CodexHome } from './codex-home.ts';
import { startCodex } from './codex-process.ts';
import type { JsonObject } from './codex-exec.ts';

export interface Notification {
  readonly method: string;
  readonly params: JsonObject;
}

/** How a turn ended, as its user saw it. */
export interface EndedTurn {
  /** `completed`, `interrupted`, `failed`. */
  readonly status: string;
  /** Text of the last agent message; empty when there was none. */
  readonly text: string;
  readonly error: unknown;
}

export interface AppServer extends AsyncDisposable {
  readonly threadId: string;
  /** Everything heard so far, oldest first. */
  readonly notifications: readonly Notification[];
  /** Sends a request and waits for its result. Rejects with the error that Codex gave. */
  request(method: string, params: JsonObject): Promise<JsonObject>;
  /** Waits for a notification, past ones from `from` on included. */
  waitFor(what: string, predicate: (heard: Notification) => boolean, from?: number): Promise<Notification>;
  /** Starts a turn and returns its id at once. `settings` such as `{ model }` or `{ effort }` hold from now on. */
  startTurn(text: string, settings?: JsonObject): Promise<string>;
  /** Waits until the turn is over. */
  endOfTurn(turnId: string): Promise<EndedTurn>;
  /** Starts a turn and waits for its end. */
  turn(text: string, settings?: JsonObject): Promise<EndedTurn>;
  /** Adds input to the turn that is running. */
  steer(turnId: string, text: string): Promise<void>;
  /** The user presses Escape. */
  interrupt(turnId: string): Promise<void>;
  /** Compacts the history; resolves when that turn is over. */
  compact(): Promise<EndedTurn>;
}

/** The longest that any wait here takes; a turn against loopback takes tens of milliseconds. */
const waitMs = 20_000;
/** The whole process, whatever happens to its test. */
const lifeMs = 120_000;

/** Starts a server and one thread in it. Owns the process; `await using` ends it. */
export async function openAppServer(home: CodexHome): Promise<AppServer> {
  const talk = openTalk(home);
  try {
    await talk.request('initialize', {
      clientInfo: { name: 'turnbridge_test', title: null, version: '1.0.0' },
      capabilities: { experimentalApi: true },
    });
    talk.notify('initialized');
    const started = await talk.request('thread/start', { cwd: home.work });
    const threadId = (started['thread'] as { id: string }).id;
    return driver(talk, threadId);
  } catch (error) {
    await talk.close();
    throw error;
  }
}

interface Talk {
  readonly notifications: Notification[];
  request(method: string, params: JsonObject): Promise<JsonObject>;
  notify(method: string): void;
  waitFor(what: string, predicate: (heard: Notification) => boolean, from?: number): Promise<Notification>;
  close(): Promise<void>;
}

function driver(talk: Talk, threadId: string): AppServer {
  const toInput = (text: string): JsonObject[] => [{ type: 'text', text, text_elements: [] }];
  const isTurn = (heard: Notification, method: string, turnId?: string): boolean =>
    heard.method === method &&
    heard.params['threadId'] === threadId &&
    (turnId === undefined || (heard.params['turn'] as { id: string }).id === turnId);
  const startTurn = async (text: string, settings: JsonObject = {}): Promise<string> => {
    const result = await talk.request('turn/start', { threadId, input: toInput(text), ...settings });
    return (result['turn'] as { id: string }).id;
  };
  const endOfTurn = async (turnId: string): Promise<EndedTurn> => {
    const heard = await talk.waitFor(`the end of turn ${turnId}`, (n) => isTurn(n, 'turn/completed', turnId));
    return toEndedTurn(heard);
  };
  return {
    threadId,
    notifications: talk.notifications,
    request: (method, params) => talk.request(method, params),
    waitFor: (what, predicate, from) => talk.waitFor(what, predicate, from),
    startTurn,
    endOfTurn,
    async turn(text, settings) {
      return endOfTurn(await startTurn(text, settings));
    },
    async steer(turnId, text) {
      await talk.request('turn/steer', { threadId, input: toInput(text), expectedTurnId: turnId });
    },
    async interrupt(turnId) {
      await talk.request('turn/interrupt', { threadId, turnId });
    },
    async compact() {
      const from = talk.notifications.length;
      await talk.request('thread/compact/start', { threadId });
      return toEndedTurn(
        await talk.waitFor('the end of the compaction', (n) => isTurn(n, 'turn/completed'), from),
      );
    },
    async [Symbol.asyncDispose]() {
      await talk.close();
    },
  };
}

function toEndedTurn(heard: Notification): EndedTurn {
  const turn = heard.params['turn'] as {
    status: string;
    items: { type: string; text?: string }[];
    error: unknown;
  };
  const message = turn.items.findLast((item) => item.type === 'agentMessage');
  return { status: turn.status, text: message?.text ?? '', error: turn.error };
}

/** The lines themselves: who waits for what. */
function openTalk(home: CodexHome): Talk {
  const codex = startCodex(home, ['app-server'], lifeMs);
  const notifications: Notification[] = [];
  const answers = new Map<number, (message: JsonObject) => void>();
  const listeners = new Set<() => void>();
  let lastId = 0;
  const send = (message: JsonObject): void => {
    codex.child.stdin.write(`${JSON.stringify(message)}\n`);
  };
  createInterface({ input: codex.child.stdout }).on('line', (line) => {
    const message = JSON.parse(line) as JsonObject;
    const id = message['id'];
    if (typeof message['method'] === 'string') {
      // a request of the server's own (an approval) has an id as well; none is expected with approval_policy never
      notifications.push({ method: message['method'], params: (message['params'] ?? {}) as JsonObject });
      for (const look of listeners) look();
    } else if (typeof id === 'number') {
      answers.get(id)?.(message);
      answers.delete(id);
    }
  });
  const bounded = async <T>(what: string, work: Promise<T>): Promise<T> => {
    const abort = new AbortController();
    const late = new Promise<never>((_, fail) => {
      const timer = setTimeout(() => fail(new Error(`${what}: not within ${waitMs} ms; ${seen()}`)), waitMs);
      abort.signal.addEventListener('abort', () => clearTimeout(timer));
    });
    const gone = codex.exited.then(({ code, stderr }) => {
      throw new Error(`${what}: codex ended with ${String(code)}: ${stderr.slice(-2_000)}`);
    });
    try {
      return await Promise.race([work, late, gone]);
    } finally {
      abort.abort();
    }
  };
  const seen = (): string => `heard ${notifications.map((heard) => heard.method).join(', ')}`;
  return {
    notifications,
    notify: (method) => send({ method }),
    async request(method, params) {
      const id = (lastId += 1);
      const answer = new Promise<JsonObject>((done) => answers.set(id, done));
      send({ id, method, params });
      const message = await bounded(`the answer to ${method}`, answer);
      if (message['error'] !== undefined) throw new Error(`${method}: ${JSON.stringify(message['error'])}`);
      return (message['result'] ?? {}) as JsonObject;
    },
    async waitFor(what, predicate, from = 0) {
      let look = (): void => {};
      const found = new Promise<Notification>((done) => {
        look = () => {
          const heard = notifications.slice(from).find(predicate);
          if (heard !== undefined) done(heard);
        };
        listeners.add(look);
        look();
      });
      try {
        return await bounded(what, found);
      } finally {
        listeners.delete(look);
      }
    },
    close: () => codex.stop(),
  };
}
