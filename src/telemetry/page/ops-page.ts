/**
 * The page on the ops port: what a person looks at who has no Grafana. It hears the same facts as metrics, log and
 * spans do, keeps the last few hundred turns, and tells whoever watches what is new. Nothing is made into text while
 * nobody watches.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ClientFact } from '../../client/facts.ts';
import type { TurnFact } from '../../turn/facts.ts';
import type { ConfigReloadResult } from '../names.ts';
import type { ProviderSources } from '../provider-sources.ts';
import { ConnectionBook } from './connection-book.ts';
import { PageAssets, ASSET_PATHS } from './page-assets.ts';
import { refusalOf, type PageAccess } from './page-access.ts';
import type { PageChange, PageState, ProcessView } from './page-state.ts';
import { ProviderBook, WINDOW_MS } from './provider-book.ts';
import { RoutesBook, type ServedRoutes } from './routes-book.ts';
import { MAX_ENDED_TURNS, MAX_OLDER_FAILURES, TurnHistory } from './turn-history.ts';
import { MAX_VIEWERS, Viewers } from './viewers.ts';

/** Four times a second looks immediate, and a thousand turns a second still are four messages. */
const ROUND_MS = 250;
/** What changes with every turn or with time alone is looked at once a second. */
const ROUNDS_PER_SLOW_LOOK = 4;
/** So often something is sent though nothing happens: who watches can tell quiet from gone. Windows move on, too. */
const SLOW_LOOKS_PER_BEAT = 10;

/** Everything comes from here; the browser is told to refuse all else, also markup made from text. */
const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
} as const;

export interface OpsPageOptions {
  readonly access: PageAccess;
  /** Of this program. */
  readonly version: string;
  /** The clock of the facts. Its timer runs while somebody watches. */
  readonly clock: { now(): number; setTimer(ms: number, fn: () => void): { cancel(): void } };
  /** Milliseconds since 1970. */
  readonly wallNow: () => number;
  readonly ready: () => { readonly ready: boolean; readonly reason?: string | undefined };
  readonly providers?: ProviderSources;
  /** Our own code threw while the page was made: for the log. */
  readonly onMistake: (error: unknown) => void;
}

export interface OpsPage {
  /** Hear facts; the tracer before it, for the ids of traces. Neither throws nor blocks. */
  turnFacts(fact: TurnFact): void;
  clientFacts(fact: ClientFact): void;
  /** These routes are in effect from now on. */
  serves(routes: ServedRoutes): void;
  /** The files of routes were read again. */
  configReload(result: ConfigReloadResult): void;
  /** What a person may ask for. */
  readonly paths: readonly string[];
  /** Whether that path is the page's to answer. */
  has(path: string): boolean;
  /** Answers a request for such a path. The caller has taken its body away. */
  respond(request: IncomingMessage, response: ServerResponse, path: string): void;
  /** Lets whoever watches go. May be called twice. */
  close(): void;
}

/** The caller closes it, and puts it behind a listener (ops/ops-listener.ts). */
export function openOpsPage(options: OpsPageOptions): OpsPage {
  return new Page(options);
}

class Page implements OpsPage {
  readonly paths = ['/', '/state.json'];
  readonly #options: OpsPageOptions;
  readonly #startedAt: number;
  readonly #turns: TurnHistory;
  readonly #connections: ConnectionBook;
  readonly #providers: ProviderBook;
  readonly #routes: RoutesBook;
  readonly #assets = new PageAssets();
  readonly #viewers: Viewers;
  #timer: { cancel(): void } | undefined;
  #rounds = 0;
  #isClosed = false;
  /** What the viewers know. */
  #sent = { turns: 0, connections: 0, providers: 0, routes: 0, process: '' };

  constructor(options: OpsPageOptions) {
    this.#options = options;
    const clock = { now: () => options.clock.now(), wallNow: options.wallNow };
    this.#startedAt = clock.wallNow();
    this.#turns = new TurnHistory(clock);
    this.#connections = new ConnectionBook(clock);
    this.#providers = new ProviderBook(clock, options.providers);
    this.#routes = new RoutesBook(clock.wallNow);
    this.#viewers = new Viewers(clock.now);
  }

  turnFacts(fact: TurnFact): void {
    this.#turns.hear(fact);
    this.#connections.hearTurn(fact);
    this.#providers.hear(fact);
  }

  clientFacts(fact: ClientFact): void {
    this.#connections.hearClient(fact);
  }

  serves(routes: ServedRoutes): void {
    this.#routes.serves(routes);
  }

  configReload(result: ConfigReloadResult): void {
    this.#routes.configReload(result);
  }

  has(path: string): boolean {
    return path === '/events' || path === '/state.json' || ASSET_PATHS.has(path);
  }

  respond(request: IncomingMessage, response: ServerResponse, path: string): void {
    try {
      this.#respond(request, response, path);
    } catch (error) {
      this.#options.onMistake(error);
      response.destroy();
    }
  }

  #respond(request: IncomingMessage, response: ServerResponse, path: string): void {
    const { headers, socket, method } = request;
    const refusal = refusalOf(
      {
        path,
        remoteAddress: socket.remoteAddress,
        host: headers.host,
        site: one(headers['sec-fetch-site']),
        mode: one(headers['sec-fetch-mode']),
        destination: one(headers['sec-fetch-dest']),
      },
      this.#options.access,
    );
    if (refusal !== undefined) return answerJson(request, response, 403, { error: refusal });
    if (method !== 'GET' && method !== 'HEAD') {
      return answerJson(request, response, 405, { error: 'use GET or HEAD' }, { allow: 'GET, HEAD' });
    }
    if (path === '/state.json') return answerJson(request, response, 200, this.#state());
    if (path === '/events') return this.#watch(request, response);
    this.#assets.get(path).then(
      (asset) => answer(request, response, 200, asset?.type ?? 'text/plain', asset?.body ?? Buffer.alloc(0)),
      () => answerJson(request, response, 500, { error: 'a file of the page could not be read' }),
    );
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#viewers.close();
  }

  #watch(request: IncomingMessage, response: ServerResponse): void {
    if (this.#isClosed || this.#viewers.isFull) {
      const error = this.#isClosed ? 'the process is leaving' : `${MAX_VIEWERS} people watch already`;
      return answerJson(request, response, 503, { error }, { 'retry-after': '5' });
    }
    const head = { ...HEADERS, 'content-type': 'text/event-stream; charset=utf-8' };
    if (request.method === 'HEAD') {
      response.writeHead(200, head).end();
      return;
    }
    response.writeHead(200, head);
    // whoever watches already is brought to the same point first: one state is known of all of them
    this.#round();
    this.#viewers.add(response, this.#stateMessage(), () => {
      if (this.#viewers.count === 0) this.#stop();
    });
    this.#timer ??= this.#options.clock.setTimer(ROUND_MS, () => this.#onTimer());
  }

  #stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #onTimer(): void {
    this.#timer = this.#options.clock.setTimer(ROUND_MS, () => this.#onTimer());
    this.#rounds++;
    try {
      this.#round();
    } catch (error) {
      this.#options.onMistake(error);
    }
  }

  #round(): void {
    const change = this.#change();
    if (this.#viewers.count === 0) return;
    this.#viewers.send(change && toMessage('change', change), () => this.#stateMessage());
  }

  /** What is new since the last message, and undefined if nothing is. */
  #change(): PageChange | undefined {
    const change: { -readonly [K in keyof PageChange]: PageChange[K] } = { now: this.#options.wallNow() };
    const sent = this.#sent;
    const isSlowLook = this.#rounds % ROUNDS_PER_SLOW_LOOK === 0;
    const isBeat = this.#rounds % (ROUNDS_PER_SLOW_LOOK * SLOW_LOOKS_PER_BEAT) === 0;
    if (isSlowLook) {
      this.#turns.noticeProgress();
      if (sent.connections !== this.#connections.changes) change.connections = this.#connections.view;
      if (isBeat || sent.providers !== this.#providers.changes) change.providers = this.#providers.view;
      if (sent.routes !== this.#routes.changes) change.routes = this.#routes.view;
      const process = this.#process();
      if (sent.process !== JSON.stringify(process)) change.process = process;
      this.#noteSlow();
    }
    if (sent.turns !== this.#turns.changes) {
      change.turns = this.#turns.rowsSince(sent.turns);
      change.totals = this.#turns.totals;
      sent.turns = this.#turns.changes;
    }
    return isBeat || Object.keys(change).length > 1 ? change : undefined;
  }

  #noteSlow(): void {
    this.#sent.connections = this.#connections.changes;
    this.#sent.providers = this.#providers.changes;
    this.#sent.routes = this.#routes.changes;
    this.#sent.process = JSON.stringify(this.#process());
  }

  #process(): ProcessView {
    const { ready, reason } = this.#options.ready();
    return { version: this.#options.version, startedAt: this.#startedAt, isReady: ready, reason };
  }

  #stateMessage(): Buffer {
    return toMessage('state', this.#state());
  }

  #state(): PageState {
    return {
      now: this.#options.wallNow(),
      process: this.#process(),
      totals: this.#turns.totals,
      turns: this.#turns.rowsSince(0),
      connections: this.#connections.view,
      providers: this.#providers.view,
      routes: this.#routes.view,
      limits: { turns: MAX_ENDED_TURNS, olderFailures: MAX_OLDER_FAILURES, windowMs: WINDOW_MS },
    };
  }
}

/** One message of server-sent events; JSON has no line break that would end it. */
function toMessage(event: 'state' | 'change', body: PageState | PageChange): Buffer {
  return Buffer.from(`event: ${event}\ndata: ${JSON.stringify(body)}\n\n`);
}

function answerJson(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  answer(request, response, status, 'application/json', Buffer.from(`${JSON.stringify(body)}\n`), headers);
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  type: string,
  body: Buffer,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    ...HEADERS,
    ...headers,
    'content-type': type,
    'content-length': body.length,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
