import { expect, test } from '@jest/globals';
import { Agent } from 'undici';
import { openFakeKube } from './fake-kube.ts';
import type { FakeKube } from './fake-kube.ts';
import type { Cut } from './fake-kube-faults.ts';
import { until } from './wait-for.ts';

const routes = '/apis/turnbridge.dev/v1alpha1/namespaces/ai/responsesroutes';
const route = (name: string, spec: Record<string, unknown> = {}) => ({
  apiVersion: 'turnbridge.dev/v1alpha1',
  kind: 'ResponsesRoute',
  metadata: { name, namespace: 'ai' },
  spec: { bridgeName: 'default', ...spec },
});

interface Answered {
  readonly status: number;
  readonly json: {
    readonly metadata: Readonly<Record<string, unknown>>;
    readonly items?: readonly { readonly metadata: { readonly name: string } }[];
    readonly [field: string]: unknown;
  };
  readonly retryAfter: unknown;
}

/** A plain HTTP client: the fake is judged by what goes over the wire. */
class Caller implements AsyncDisposable {
  readonly #kube: FakeKube;
  readonly #agent: Agent;

  constructor(kube: FakeKube) {
    this.#kube = kube;
    this.#agent = new Agent({ allowH2: false, connect: { ca: kube.ca } });
  }

  async ask(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    type = 'application/json',
  ): Promise<Answered> {
    const { statusCode, headers, body: answer } = await this.#send(method, path, body, type);
    return {
      status: statusCode,
      json: (await answer.json()) as Answered['json'],
      retryAfter: headers['retry-after'],
    };
  }

  apply(path: string, body: unknown, manager: string, force = false): Promise<Answered> {
    return this.ask(
      'PATCH',
      `${path}?fieldManager=${manager}&force=${String(force)}`,
      body,
      'application/apply-patch+yaml',
    );
  }

  /** The lines of a watch as they come, until it ends. */
  async watch(path: string): Promise<{ readonly lines: string[]; readonly ended: Promise<string> }> {
    const { body } = await this.#send('GET', path, undefined, 'application/json');
    const lines: string[] = [];
    const read = async (): Promise<string> => {
      let text = '';
      try {
        for await (const chunk of body as AsyncIterable<Buffer>) {
          text += chunk.toString();
          const whole = text.split('\n');
          text = whole.pop() ?? '';
          lines.push(...whole);
        }
        return `end ${text}`;
      } catch (error) {
        return `${(error as { code?: string }).code ?? 'error'} ${text}`;
      }
    };
    return { lines, ended: read() };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#agent.destroy();
  }

  #send(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body: unknown, type: string) {
    return this.#agent.request({
      origin: this.#kube.url,
      method,
      path,
      headers: { authorization: 'Bearer token-1', 'content-type': type },
      body: body === undefined ? null : JSON.stringify(body),
    });
  }
}

const types = (lines: readonly string[]): string[] =>
  lines.map((line) => {
    const { type, object } = JSON.parse(line) as { type: string; object: { metadata: { name?: string } } };
    return `${type} ${object.metadata.name ?? ''}`.trim();
  });

test('a list comes in pages of one moment, and its rest is gone after a compaction', async () => {
  await using kube = await openFakeKube();
  await using caller = new Caller(kube);
  for (const name of ['a', 'b', 'c']) kube.put(route(name));
  const first = await caller.ask('GET', `${routes}?limit=2`);
  kube.put(route('d'));
  const next = `${routes}?limit=2&continue=${String(first.json.metadata['continue'])}`;
  const second = await caller.ask('GET', next);
  expect(second.json.items?.map(({ metadata }) => metadata.name)).toEqual(['c']);
  expect(second.json.metadata['resourceVersion']).toBe(first.json.metadata['resourceVersion']);
  kube.compact();
  expect(await caller.ask('GET', next)).toMatchObject({
    status: 410,
    json: { reason: 'Expired', kind: 'Status' },
  });
});

test('a watch tells what has changed since its version, for its namespace and selectors only', async () => {
  await using kube = await openFakeKube();
  await using caller = new Caller(kube);
  kube.put(route('old'));
  const from = kube.version;
  const watch = await caller.watch(
    `${routes}?watch=true&resourceVersion=${String(from)}&fieldSelector=spec.bridgeName%3Ddefault&allowWatchBookmarks=true`,
  );
  kube.put(route('new'));
  kube.put({ ...route('elsewhere'), metadata: { name: 'elsewhere', namespace: 'other' } });
  kube.put(route('new', { bridgeName: 'another' })); // no longer selected: gone, for this client
  kube.remove({
    apiVersion: 'turnbridge.dev/v1alpha1',
    kind: 'ResponsesRoute',
    namespace: 'ai',
    name: 'old',
  });
  kube.bookmark();
  kube.endWatches();
  expect(await watch.ended).toBe('end ');
  expect(types(watch.lines)).toEqual(['ADDED new', 'DELETED new', 'DELETED old', 'BOOKMARK']);
});

test('a watch without a version begins with what is there, and one from before a compaction hears 410', async () => {
  await using kube = await openFakeKube();
  await using caller = new Caller(kube);
  kube.put(route('a'));
  const from = kube.version;
  const fresh = await caller.watch(`${routes}?watch=true`);
  kube.compact();
  const late = await caller.watch(`${routes}?watch=true&resourceVersion=${String(from)}`);
  expect(await late.ended).toBe('end ');
  expect(late.lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { type: 'ERROR', object: { code: 410, reason: 'Expired' } },
  ]);
  kube.goneAs = 'status';
  expect(await caller.ask('GET', `${routes}?watch=true&resourceVersion=${String(from)}`)).toMatchObject({
    status: 410,
  });
  kube.endWatches();
  await fresh.ended;
  expect(types(fresh.lines)).toEqual(['ADDED a']);
});

test('an update from an older version is a conflict, and one that changes nothing is no change', async () => {
  await using kube = await openFakeKube();
  await using caller = new Caller(kube);
  const { json: born } = await caller.ask('POST', routes, route('a'));
  expect(born.metadata).toMatchObject({ generation: 1, namespace: 'ai' });
  const { json: same } = await caller.ask('PUT', `${routes}/a`, born);
  expect(same.metadata['resourceVersion']).toBe(born.metadata['resourceVersion']);
  const { json: next } = await caller.ask('PUT', `${routes}/a`, { ...born, spec: { hostnames: ['x'] } });
  expect(next.metadata['generation']).toBe(2);
  expect(await caller.ask('PUT', `${routes}/a`, born)).toMatchObject({
    status: 409,
    json: { reason: 'Conflict' },
  });
  expect(await caller.ask('POST', routes, route('a'))).toMatchObject({
    status: 409,
    json: { reason: 'AlreadyExists' },
  });
  expect(await caller.ask('DELETE', `${routes}/a`)).toMatchObject({ status: 200 });
  expect(await caller.ask('GET', `${routes}/a`)).toMatchObject({ status: 404 });
});

test('an apply owns its fields: what it no longer sends goes, what others sent stays, and force decides', async () => {
  await using kube = await openFakeKube();
  await using caller = new Caller(kube);
  const path = '/api/v1/namespaces/ai/secrets/s';
  const secret = (data: Record<string, string>) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 's' },
    data,
  });
  await caller.apply(path, secret({ a: '1', b: '2' }), 'one');
  await caller.apply(path, secret({ c: '3' }), 'two');
  const { json } = await caller.apply(path, secret({ a: '1' }), 'one');
  expect(json['data']).toEqual({ a: '1', c: '3' });
  const { json: again } = await caller.apply(path, secret({ a: '1' }), 'one');
  expect(again.metadata['resourceVersion']).toBe(json.metadata['resourceVersion']);
  expect(await caller.apply(path, secret({ a: '9' }), 'two')).toMatchObject({ status: 409 });
  expect(await caller.apply(path, secret({ a: '9' }), 'two', true)).toMatchObject({
    json: { data: { a: '9' } },
  });
});

test('a status is written on its own path, its conditions merge by type, and the generation stays', async () => {
  await using kube = await openFakeKube();
  await using caller = new Caller(kube);
  kube.put(route('a'));
  const { spec: _, ...bare } = route('a');
  const condition = (type: string, status: string) => ({
    ...bare,
    status: { conditions: [{ type, status }] },
  });
  await caller.apply(`${routes}/a/status`, condition('Ready', 'True'), 'one', true);
  const { json } = await caller.apply(`${routes}/a/status`, condition('Mine', 'True'), 'two', true);
  expect(json['status']).toEqual({
    conditions: [
      { type: 'Ready', status: 'True' },
      { type: 'Mine', status: 'True' },
    ],
  });
  const { json: changed } = await caller.apply(`${routes}/a`, { ...route('a'), status: {} }, 'user', true);
  expect(changed).toMatchObject({ metadata: { generation: 1 }, status: { conditions: [{}, {}] } });
});

test.each<{ how: Cut; seen: RegExp }>([
  { how: 'end', seen: /^end \{"type":"ADD$/ },
  { how: 'close', seen: /^UND_ERR_SOCKET \{"type":"ADD$/ },
  { how: 'reset', seen: /^ECONNRESET \{"type":"ADD$/ },
])('a watch is cut after so many bytes, by $how', async ({ how, seen }) => {
  await using kube = await openFakeKube();
  await using caller = new Caller(kube);
  kube.put(route('a'));
  kube.fail({ phase: 'watch' }, { kind: 'cut', how, after: 12 });
  const watch = await caller.watch(`${routes}?watch=true`);
  expect(await watch.ended).toMatch(seen);
});

test('a fault is done as often as it was asked for, and to matching requests only', async () => {
  await using kube = await openFakeKube();
  await using caller = new Caller(kube);
  const fault = kube.fail(
    { phase: 'list', path: 'responsesroutes' },
    { kind: 'status', status: 429, retryAfter: 3 },
  );
  expect(await caller.ask('GET', '/api/v1/namespaces/ai/secrets')).toMatchObject({ status: 200 });
  expect(await caller.ask('GET', routes)).toMatchObject({ status: 429, retryAfter: '3' });
  expect(await caller.ask('GET', routes)).toMatchObject({ status: 200 });
  expect(fault.used).toBe(1);
  kube.fail({}, { kind: 'cut', how: 'reset', after: 'nothing' });
  await expect(caller.ask('GET', routes)).rejects.toMatchObject({ code: 'ECONNRESET' });
  kube.tokens.clear();
  expect(await caller.ask('GET', routes)).toMatchObject({ status: 401 });
});

test('a frozen server answers when it is thawed, and one that went away comes back on the same port', async () => {
  await using kube = await openFakeKube();
  await using caller = new Caller(kube);
  const watch = await caller.watch(`${routes}?watch=true`);
  kube.freeze();
  kube.put(route('a'));
  const answer = caller.ask('GET', routes);
  await until(() => kube.seen({ phase: 'list' }).length === 1, 'the request');
  expect(watch.lines).toEqual([]);
  kube.thaw();
  expect(await answer).toMatchObject({ status: 200 });
  await until(() => watch.lines.length === 1, 'the event');
  const { port } = kube;
  await kube.stop();
  expect(await watch.ended).toMatch(/^ECONNRESET/);
  await expect(caller.ask('GET', routes)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await kube.start();
  expect(kube.port).toBe(port);
  expect((await caller.ask('GET', routes)).json.items).toHaveLength(1);
});
