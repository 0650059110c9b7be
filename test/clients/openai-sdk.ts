/**
 * The pinned `openai` package, loaded from this folder's node_modules when a test runs: the types below are the part
 * that the tests use, so that the project type-checks before the package is installed.
 */
import type { JsonObject } from './codex-exec.ts';

/** The class `OpenAI`, as far as it is used here. */
export interface OpenAIClient {
  readonly responses: {
    create(body: JsonObject & { stream: true }): Promise<AsyncIterable<JsonObject>>;
    create(body: JsonObject): Promise<SdkResponse>;
    /** Accumulates the events strictly, and rejects when they do not fit together. */
    stream(body: JsonObject): { finalResponse(): Promise<SdkResponse> };
  };
  readonly models: { list(): Promise<{ readonly data: readonly JsonObject[] }> };
}

export interface SdkResponse extends JsonObject {
  readonly id: string;
  readonly status: string;
  readonly output_text: string;
  readonly output: readonly JsonObject[];
}

/** `ResponsesWS`: connects in its constructor; messages sent before are kept. */
export interface SdkSocket {
  send(event: JsonObject): void;
  close(): void;
  stream(): AsyncIterable<JsonObject>;
  on(name: 'event' | 'error', listener: (event: JsonObject) => void): unknown;
  on(name: 'close', listener: (code: number, reason: string) => void): unknown;
}

export interface SdkLane {
  create(request: JsonObject): void;
  receive(): Promise<JsonObject>;
  /** Rejects with a `WebSocketError`, whose `error` is the event, when the request fails. */
  finalResponse(): Promise<SdkResponse>;
}

export interface SdkSession {
  /** No name: the default lane. */
  lane(name?: string): SdkLane;
  close(): void;
}

/** Rebuilds a response from its events; `unavailable` says why it could not. */
export interface SdkAccumulator {
  readonly current:
    | { readonly phase: 'provisional'; readonly snapshot: SdkResponse }
    | { readonly phase: 'unavailable'; readonly error: Error }
    | { readonly phase: 'terminal'; readonly event: JsonObject }
    | undefined;
  add(event: JsonObject): void;
}

export interface OpenAISdk {
  /** @param maxRetries over HTTP; left out: none, since most tests want to see the first answer. */
  openClient(baseUrl: string, maxRetries?: number): OpenAIClient;
  openSocket(client: OpenAIClient): SdkSocket;
  /** Lanes want a socket that is open already, so this waits for it. */
  openSession(socket: SdkSocket): Promise<SdkSession>;
  openAccumulator(): SdkAccumulator;
}

type Constructor<Instance> = new (...args: readonly unknown[]) => Instance;

/** Loads the package; call it after `ensureClients`. */
export async function loadOpenAISdk(): Promise<OpenAISdk> {
  const load = async (path: string): Promise<unknown> =>
    import(new URL(`node_modules/openai/${path}`, import.meta.url).href);
  const { OpenAI } = (await load('index.mjs')) as { OpenAI: Constructor<OpenAIClient> };
  const { ResponsesWS } = (await load('resources/responses/ws.mjs')) as {
    ResponsesWS: Constructor<SdkSocket>;
  };
  const { ResponsesWebSocketSession } = (await load('lib/responses/responses-websocket-session.mjs')) as {
    ResponsesWebSocketSession: Constructor<SdkSession>;
  };
  const { ResponsesWebSocketAccumulator } = (await load(
    'lib/responses/responses-websocket-accumulator.mjs',
  )) as { ResponsesWebSocketAccumulator: Constructor<SdkAccumulator> };
  return {
    openClient: (baseURL, maxRetries = 0) => new OpenAI({ baseURL, apiKey: 'client-key', maxRetries }),
    openSocket: (client) => new ResponsesWS(client),
    async openSession(socket) {
      await connected(socket);
      return new ResponsesWebSocketSession(socket, {
        maxLanes: 8,
        maxBufferedEvents: 10_000,
        maxBufferedBytes: 16 << 20,
      });
    },
    openAccumulator: () => new ResponsesWebSocketAccumulator(),
  };
}

async function connected(socket: SdkSocket): Promise<void> {
  for await (const { type, error } of socket.stream()) {
    if (type === 'open') return;
    if (type === 'error') throw error as Error;
  }
  throw new Error('the socket closed before it was open');
}
