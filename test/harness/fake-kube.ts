/** An API server for tests: TLS on loopback, lists and watches as the real one, and faults at exact places. */
import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KubeApi, phaseOf } from './fake-kube-api.ts';
import type { SeenRequest } from './fake-kube-api.ts';
import { Answer, FaultScript, fits } from './fake-kube-faults.ts';
import type { Fault, FaultMatch, ScriptedFault } from './fake-kube-faults.ts';
import { ApiRefusal, collectionOf, parseApiPath, statusObject } from './fake-kube-paths.ts';
import type { ApiObject, ApiPath } from './fake-kube-paths.ts';
import type { OpenWatch } from './fake-kube-watch.ts';
import { listenOn, listenOnKeptPort } from './kept-port.ts';
import { tlsFixture } from './tls-front.ts';

/** Which object: `namespace` is left out for those of the cluster. */
export interface ObjectRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

/** Opens an API server on a free port of loopback. Use with `await using`. */
export async function openFakeKube(): Promise<FakeKube> {
  const kube = new FakeKube();
  await kube.start();
  return kube;
}

export class FakeKube implements AsyncDisposable {
  /** Who verifies the server trusts this. PEM. */
  readonly ca = tlsFixture('ca.pem');
  /** Tokens that are let in; a test may add and remove some. */
  readonly tokens = new Set(['token-1']);
  /** All requests, oldest first. */
  readonly requests: SeenRequest[] = [];
  /** Authorization headers that were seen. */
  readonly authorizations = new Set<string>();
  /** Answers that fell silent so far. */
  silenced = 0;
  /** TCP connections that were accepted so far. */
  connections = 0;

  readonly #server = createServer({ cert: tlsFixture('server.pem'), key: tlsFixture('server.key.pem') });
  readonly #faults = new FaultScript();
  readonly #api = new KubeApi();
  readonly #sockets = new Map<number, Socket>();
  readonly #silent = new Set<ServerResponse>();
  #frozen: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;
  #port: number | undefined;

  constructor() {
    this.#server.keepAliveTimeout = 60_000;
    this.#server.requestTimeout = 0;
    this.#server.on('connection', (socket: Socket) => {
      this.connections += 1;
      const port = socket.remotePort ?? 0;
      this.#sockets.set(port, socket);
      socket.on('error', () => undefined); // resets are what tests are about
      socket.once('close', () => this.#sockets.delete(port));
    });
    this.#server.on('tlsClientError', () => undefined);
    this.#server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      response.on('error', () => undefined);
      this.#serve(request, response).catch((error: unknown) => {
        response.destroy(error instanceof Error ? error : new Error(String(error)));
      });
    });
  }

  /** How a watch from a version that is gone is refused: in its stream (as real servers mostly do), or as its status. */
  set goneAs(how: 'stream' | 'status') {
    this.#api.goneAs = how;
  }

  get port(): number {
    return this.#port ?? 0;
  }

  /** `https://127.0.0.1:PORT`. */
  get url(): string {
    return `https://127.0.0.1:${String(this.port)}`;
  }

  /** The newest resource version. */
  get version(): number {
    return this.#api.store.version;
  }

  /** Watches that are open now. */
  get watches(): readonly OpenWatch[] {
    return this.#api.watches;
  }

  /** Answers that will never go on, and whose clients have not given up yet. */
  get silences(): number {
    return this.#silent.size;
  }

  /** Does this to the next requests that match. */
  fail(match: FaultMatch, fault: Fault, times = 1): ScriptedFault {
    return this.#faults.add(match, fault, times);
  }

  /** Forgets all faults that are still to come. */
  heal(): void {
    this.#faults.clear();
  }

  /** Requests that match, oldest first. */
  seen(match: FaultMatch): SeenRequest[] {
    return this.requests.filter(({ phase, path }) => fits(match, phase, path));
  }

  /** Creates an object or replaces it, as somebody else would; its status with it. */
  put(object: ApiObject): ApiObject {
    const path = this.#pathOf(object);
    if (this.#api.store.read(path) === undefined) this.#api.store.create({ path, body: object });
    const { resourceVersion: _, ...metadata } = object.metadata;
    const stored = this.#api.store.update({ path, body: { ...object, metadata } });
    if (object['status'] === undefined) return stored;
    return this.#api.store.update({
      path: { ...path, subresource: 'status' },
      body: { ...object, metadata },
    });
  }

  /** Changes some fields (merge patch: null removes). */
  change(ref: ObjectRef, patch: Record<string, unknown>): ApiObject {
    return this.#api.store.patch({ path: this.#pathOf(toObject(ref)), body: patch as unknown as ApiObject });
  }

  remove(ref: ObjectRef): void {
    this.#api.store.delete(this.#pathOf(toObject(ref)));
  }

  read(ref: ObjectRef): ApiObject | undefined {
    return this.#api.store.read(this.#pathOf(toObject(ref)));
  }

  /** All of a kind, sorted by namespace and name. */
  list(apiVersion: string, kind: string, namespace?: string): ApiObject[] {
    return this.#api.store.list(collectionOf(apiVersion, kind), namespace, () => true);
  }

  /** Forgets all changes so far, and the rest of lists under way: older versions hear 410. */
  compact(): void {
    // Something else has changed meanwhile, or nobody would be behind.
    this.#api.store.skipVersions(10);
    this.#api.compact();
  }

  /** A BOOKMARK to every watch that asked for some, at a version that has moved on. */
  bookmark(): void {
    this.#api.store.skipVersions(1);
    for (const watch of this.watches) watch.bookmark(this.#api.store.version);
  }

  /** Ends every watch as the server does after its timeout. */
  endWatches(): void {
    for (const watch of this.watches) watch.end();
  }

  /** Accepts connections, and answers nothing until `thaw`: what a stopped process looks like. */
  freeze(): void {
    this.#frozen ??= Promise.withResolvers<void>();
    for (const watch of this.watches) watch.hold();
  }

  thaw(): void {
    this.#frozen?.resolve();
    this.#frozen = undefined;
    for (const watch of this.watches) watch.release();
  }

  /** Listens; after `stop` on the same port again, with the same objects. */
  async start(): Promise<void> {
    if (this.#port === undefined) this.#port = await listenOnKeptPort(this.#server);
    else await listenOn(this.#server, this.#port);
  }

  /** Goes away: connections are reset, new ones refused. */
  async stop(): Promise<void> {
    this.thaw();
    if (!this.#server.listening) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    for (const socket of this.#sockets.values()) socket.resetAndDestroy();
    await promise;
  }

  /** Writes `ca.crt` and `token` as in a pod, and a `kubeconfig`; its path. */
  async writeCredentials(folder: string): Promise<string> {
    const [token = ''] = this.tokens;
    await writeFile(join(folder, 'ca.crt'), this.ca);
    await writeFile(join(folder, 'token'), token);
    const kubeconfig = join(folder, 'kubeconfig');
    const cluster = { server: this.url, 'certificate-authority': 'ca.crt' };
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'fake', cluster }],
      users: [{ name: 'tester', user: { token } }],
      contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'tester', namespace: 'default' } }],
      'current-context': 'fake',
    };
    await writeFile(kubeconfig, JSON.stringify(config));
    return kubeconfig;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url, path, seen } = await this.#read(request);
    const fault = this.#faults.take(seen.phase, seen.path);
    if (this.#frozen !== undefined) await this.#frozen.promise;
    if (fault?.kind === 'hold') await fault.until;
    const socket = this.#sockets.get(request.socket.remotePort ?? 0);
    const answer = new Answer(response, socket, fault, (silent) => {
      this.silenced += 1;
      this.#silent.add(silent);
      silent.once('close', () => this.#silent.delete(silent));
    });
    if (this.#misbehaves(answer, seen, fault)) return;
    try {
      this.#checkToken(request);
      this.#api.answer(answer, seen, path, url.searchParams);
    } catch (error) {
      if (!(error instanceof ApiRefusal)) throw error;
      this.#refuse(answer, seen, { status: error.status, reason: error.reason, message: error.message });
    }
  }

  async #read(request: IncomingMessage): Promise<{ url: URL; path: ApiPath | undefined; seen: SeenRequest }> {
    const url = new URL(request.url ?? '/', this.url);
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const path = parseApiPath(url.pathname);
    const seen: SeenRequest = {
      at: performance.now(),
      method: request.method ?? '',
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      contentType: request.headers['content-type'] ?? '',
      userAgent: request.headers['user-agent'] ?? '',
      body: text === '' ? undefined : JSON.parse(text),
      phase: phaseOf(request, path, url.searchParams),
      status: undefined,
    };
    this.requests.push(seen);
    return { url, path, seen };
  }

  /** Does what the fault says instead of an answer, if it says so. */
  #misbehaves(answer: Answer, seen: SeenRequest, fault: Fault | undefined): boolean {
    if (fault?.kind === 'status') {
      this.#refuse(answer, seen, fault);
      return true;
    }
    if (fault?.kind === 'cut' && fault.after === 'nothing' && fault.late !== true) {
      answer.cut(fault.how);
      return true;
    }
    if (fault?.kind !== 'body') return false;
    seen.status = 200;
    answer.head(200);
    answer.write(fault.body);
    if (fault.cut === undefined) answer.end();
    else answer.cut(fault.cut);
    return true;
  }

  #checkToken({ headers }: IncomingMessage): void {
    this.authorizations.add(headers.authorization ?? '');
    const token = /^Bearer (.*)$/.exec(headers.authorization ?? '')?.[1];
    if (token === undefined || !this.tokens.has(token.trim()))
      throw new ApiRefusal(401, 'Unauthorized', 'Unauthorized');
  }

  #refuse(answer: Answer, seen: SeenRequest, { status, reason, message, retryAfter, body }: Refusal): void {
    seen.status = status;
    answer.head(status, retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) });
    answer.write(
      body ?? JSON.stringify(statusObject(status, reason ?? 'Scripted', message ?? 'scripted by the test')),
    );
    answer.end();
  }

  #pathOf(object: ApiObject): ApiPath {
    const { apiVersion = 'v1', kind = '', metadata } = object;
    const [resource = ''] = collectionOf(apiVersion, kind).split('/').slice(-1);
    const [version = '', group = ''] = apiVersion.split('/').toReversed();
    return {
      group,
      version,
      namespace: metadata.namespace,
      resource,
      name: metadata.name,
      subresource: undefined,
    };
  }
}

interface Refusal {
  readonly status: number;
  readonly reason?: string;
  readonly message?: string;
  readonly retryAfter?: number | string;
  readonly body?: string;
}

function toObject({ apiVersion, kind, namespace, name }: ObjectRef): ApiObject {
  return { apiVersion, kind, metadata: { name, ...(namespace !== undefined && { namespace }) } };
}
