/** Keys, clients, providers and routes that change while turns run: a turn ends as it began, the next one is as told. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { RecordedRequest } from '../../src/scripted/recorded-request.ts';
import type { Answer } from '../../src/scripted/script.ts';
import { openScriptedProvider, type ScriptedProvider } from '../../src/scripted/scripted-provider.ts';
import { connect, type TestClient } from '../harness/connect.ts';
import { gate, type Gate } from '../harness/fake-provider.ts';
import { mustRun } from '../harness/run-command.ts';
import { openTlsFront, tlsFixture, type Identity } from '../harness/tls-front.ts';
import { until, within } from '../harness/wait-for.ts';
import { refusedUpgrade } from '../protocol/refused-upgrade.ts';
import type { Api } from './api.ts';
import { applyObject, deleteObject, keyOfObject, type WrittenObject } from './apply-object.ts';
import { watchRoutes, type RouteHistory, type SeenRoute } from './route-history.ts';
import { openStage, type RunningBridge, type Stage } from './stage.ts';
import { useCluster } from './use-cluster.ts';

const cluster = useCluster();
const host = cluster.addresses[0] ?? '127.0.0.1';

const opened = new AsyncDisposableStack();
/** Answers of models that wait for their test. */
const held = new Map<string, Gate>();
let stage: Stage;
let api: Api;
let bridge: RunningBridge;
let history: RouteHistory;

beforeAll(async () => {
  stage = opened.use(await openStage(cluster, { script: answer }));
  api = await cluster.adminClient();
  history = opened.use(await watchRoutes(api, stage.bridgeName));
  await stage.startOperator();
  bridge = await stage.startBridge();
});

afterAll(() => opened.disposeAsync());

describe("a provider's key", () => {
  test('that is changed while a turn runs is spent by the next turn, and not by this one', async () => {
    const key = (value: string): WrittenObject => stage.secret('rotated', { apiKey: value });
    await applyObject(api, key('key-old'));
    await serve('rotated', { providers: [keyed('main', stage.provider, 'rotated')] });
    await using client = await open('rotated');
    const release = await hold(client, 'rotated-running');
    client.create({ model: 'rotated-queued', input: 'Hi' }); // planned when its turn comes
    await taken(() => applyObject(api, key('key-new')));
    release.open();
    expect(last(await client.events())).toBe('response.completed');
    expect(last(await client.events())).toBe('response.completed');
    await turn(client, 'rotated-next');
    expect(keysOf(stage.provider, 'rotated')).toEqual([
      ['rotated-running', 'Bearer key-old'],
      ['rotated-queued', 'Bearer key-new'],
      ['rotated-next', 'Bearer key-new'],
    ]);
  });

  test('whose Secret is deleted leaves that provider out alone, says how to mend it, and comes back with the Secret', async () => {
    await using spare = await anotherProvider();
    await using main = await anotherProvider();
    const secret = stage.secret('main-key', { apiKey: 'main-key' });
    await applyObject(api, secret);
    // of a lower tier: a lane goes back to the better one, and stays with its last provider within one
    const spareEntry = { name: 'spare', url: spare.url, priority: 1, auth: { type: 'None' } };
    const route = await serve('spared', { providers: [keyed('main', main, 'main-key'), spareEntry] });
    await using client = await open('spared');
    const release = await hold(client, 'spared-running');

    await taken(() => deleteObject(api, secret));
    release.open();
    expect(last(await client.events())).toBe('response.completed');
    await turn(client, 'spared-meanwhile');
    const { conditions } = await history.first(route, isUnresolved, 'ResolvedRefs=False');
    expect(conditions.get('ResolvedRefs')).toMatchObject({
      reason: 'SecretNotFound',
      message: expect.stringMatching(
        /there is no Secret main-key in namespace \S+; add it(.|\n)*nothing goes to main/,
      ),
    });
    expect(conditions.get('PartiallyInvalid')).toMatchObject({ status: 'True' });
    expect(conditions.get('Ready')).toMatchObject({ status: 'False' });

    await taken(() => applyObject(api, secret));
    await turn(client, 'spared-again');
    await until(() => isReady(history.of(route).at(-1)), 'Ready=True again');
    expect(history.of(route).at(-1)?.conditions.has('PartiallyInvalid')).toBe(false);
    expect(keysOf(main, 'spared').map(([model]) => model)).toEqual(['spared-running', 'spared-again']);
    expect(keysOf(spare, 'spared').map(([model]) => model)).toEqual(['spared-meanwhile']);
  });
});

describe('the keys of clients', () => {
  const clients = { auth: { type: 'APIKey', secretRef: { name: 'clients' } } };
  const both = { alice: 'alice-key', bob: 'bob-key' };
  const alice = { headers: { authorization: 'Bearer alice-key' } };
  const bob = { headers: { authorization: 'Bearer bob-key' } };

  test('one that is revoked lets its running turn end, closes its sockets and lets nobody in; others notice nothing', async () => {
    await applyObject(api, stage.secret('clients', both));
    await serve('clients', { clients });
    await using running = await open('clients', alice);
    await using idle = await open('clients', alice);
    await using other = await open('clients', bob);
    const release = await hold(running, 'clients-alice');
    const releaseOther = await hold(other, 'clients-bob');

    await taken(() => applyObject(api, stage.secret('clients', { bob: 'bob-key' })));

    expect(await within(idle.closed, 'the idle socket to close')).toEqual({
      code: 1008,
      reason: 'key revoked',
    });
    expect((await refusedUpgrade(open('clients', alice))).status).toBe(401);
    release.open();
    expect(last(await running.events())).toBe('response.completed');
    expect(await within(running.closed, 'the close')).toEqual({ code: 1008, reason: 'key revoked' });
    releaseOther.open();
    expect(last(await other.events())).toBe('response.completed');
    await turn(other, 'clients-bob-next');
    await using another = await open('clients', bob);
    await turn(another, 'clients-bob-new');

    await taken(() => applyObject(api, stage.secret('clients', both)));
    await using back = await open('clients', alice);
    await turn(back, 'clients-alice-back');
  });

  test('all of them, with their Secret: nobody gets in until it is there again', async () => {
    const secret = stage.secret('all-clients', both);
    await applyObject(api, secret);
    const key = await serve('all-clients', {
      clients: { auth: { type: 'APIKey', secretRef: { name: 'all-clients' } } },
    });
    await using client = await open('all-clients', alice);
    await taken(() => deleteObject(api, secret));
    expect((await within(client.closed, 'the close')).code).toBe(1008);
    expect((await refusedUpgrade(open('all-clients', alice))).status).toBe(401);
    expect((await refusedUpgrade(open('all-clients'))).status).toBe(401);
    const { conditions } = await history.first(key, isUnresolved, 'ResolvedRefs=False');
    expect(conditions.get('ResolvedRefs')?.message).toContain('until then no client gets in');
    await taken(() => applyObject(api, secret));
    await using back = await open('all-clients', alice);
    await turn(back, 'all-clients-back');
  });
});

describe('a provider', () => {
  test('whose url is changed keeps the running turn; the next one goes to the new one', async () => {
    await using old = await anotherProvider();
    await using next = await anotherProvider();
    await serve('url', { providers: [plain(old.url)] });
    await using client = await open('url');
    const release = await hold(client, 'url-running');
    await taken(() => applyObject(api, routeOn('url', { providers: [plain(next.url)] })));
    release.open();
    expect(last(await client.events())).toBe('response.completed');
    await turn(client, 'url-next');
    expect(keysOf(old, 'url').map(([model]) => model)).toEqual(['url-running']);
    expect(keysOf(next, 'url').map(([model]) => model)).toEqual(['url-next']);
  });

  test('whose CA bundle is changed is trusted by the new one alone, from the next turn on', async () => {
    const first: Identity = { cert: tlsFixture('server.pem'), key: tlsFixture('server.key.pem') };
    const second = await ownIdentity();
    await using front = await openTlsFront(stage.provider.port, first, { host, targetHost: host });
    const bundle = (pem: string): WrittenObject => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'bundle', namespace: stage.namespace },
      data: { 'ca.crt': pem },
    });
    await applyObject(api, bundle(tlsFixture('ca.pem')));
    const tls = { caCertificateRefs: [{ name: 'bundle' }], serverName: 'provider.test' };
    const url = `https://${host}:${String(front.port)}/v1`;
    await serve('bundle', { providers: [{ ...plain(url), tls }] });
    await using client = await open('bundle');
    await turn(client, 'bundle-first');
    const release = await hold(client, 'bundle-running');

    front.use(second); // the handshakes to come
    await taken(() => applyObject(api, bundle(second.cert)));
    release.open();
    expect(last(await client.events())).toBe('response.completed');
    await turn(client, 'bundle-second');

    const { cert: nobodys } = await ownIdentity(); // of the same name
    await taken(() => applyObject(api, bundle(nobodys)));
    client.create({ model: 'bundle-refused', input: 'Hi' });
    expect(last(await client.events())).toBe('error');
    expect(keysOf(stage.provider, 'bundle').map(([model]) => model)).toEqual([
      'bundle-first',
      'bundle-running',
      'bundle-second',
    ]);
  });
});

describe('a route', () => {
  test('that is removed lets the running turn end, then closes its sockets; the others stay', async () => {
    await serve('removed');
    await serve('stays');
    await using running = await open('removed');
    await using idle = await open('removed');
    await using other = await open('stays');
    const release = await hold(running, 'removed-running');
    await taken(() => deleteObject(api, routeOn('removed')));
    const gone = { code: 1012, reason: 'route removed' };
    expect(await within(idle.closed, 'the idle socket to close')).toEqual(gone);
    expect((await refusedUpgrade(open('removed'))).status).toBe(404);
    release.open();
    expect(last(await running.events())).toBe('response.completed');
    expect(await within(running.closed, 'the close')).toEqual(gone);
    await turn(other, 'stays-next');
  });

  test('that moves to another host leaves the old one between turns', async () => {
    const [before, after] = ['before', 'after'].map((name) => `${name}.${stage.bridgeName}.test`);
    await serve('moved', { hostnames: [before] });
    await using client = await open('moved', { headers: { host: before! } });
    const release = await hold(client, 'moved-running');
    await taken(() => applyObject(api, routeOn('moved', { hostnames: [after] })));
    release.open();
    expect(last(await client.events())).toBe('response.completed');
    expect(await within(client.closed, 'the close')).toEqual({ code: 1012, reason: 'route removed' });
    expect((await refusedUpgrade(open('moved', { headers: { host: before! } }))).status).toBe(404);
    await using again = await open('moved', { headers: { host: after! } });
    await turn(again, 'moved-next');
  });
});

function answer({ body }: RecordedRequest): Answer {
  const waits = held.get(String(body.model));
  if (waits === undefined) return { steps: [{ text: 'done' }] };
  return { steps: [{ begin: true }, { until: waits.promise }, { text: 'done' }] };
}

function anotherProvider(): Promise<ScriptedProvider> {
  return openScriptedProvider({ host, script: answer });
}

function plain(url: string) {
  return { name: 'plain', url, auth: { type: 'None' } };
}

function keyed(name: string, { url }: ScriptedProvider, secret: string) {
  return { name, url, auth: { type: 'APIKey', secretRef: { name: secret } } };
}

/** A route with a path of its own, its name. */
function routeOn(name: string, spec: Record<string, unknown> = {}): WrittenObject {
  return stage.route(name, { match: { paths: [`/${name}`] }, ...spec });
}

/** Applies it and waits until it is ready. @returns its key */
async function serve(name: string, spec?: Record<string, unknown>): Promise<string> {
  const route = routeOn(name, spec);
  await applyObject(api, route);
  await history.first(keyOfObject(route), isReady, 'Ready=True');
  return keyOfObject(route);
}

function open(name: string, options?: Parameters<typeof connect>[1]): Promise<TestClient> {
  return connect(`${new URL(bridge.url).origin}/${name}/responses`, options);
}

/** Does it, and waits until the bridge has another snapshot; what that is, the caller finds out. */
async function taken(change: () => Promise<unknown>): Promise<void> {
  const before = (await bridge.snapshot())?.generation ?? 0;
  await change();
  await until(async () => ((await bridge.snapshot())?.generation ?? 0) > before, 'another snapshot', 10_000);
}

/** Begins a turn that is answered, and does not end before the gate is opened. */
async function hold(client: TestClient, model: string): Promise<Gate> {
  const release = gate();
  held.set(model, release);
  client.create({ model, input: 'Hi' });
  await client.next('response.created');
  return release;
}

async function turn(client: TestClient, model: string): Promise<void> {
  client.create({ model, input: 'Hi' });
  expect(last(await client.events())).toBe('response.completed');
}

function last(events: readonly Record<string, unknown>[]): unknown {
  return events.at(-1)?.['type'];
}

/** Model and credential of each turn that reached a provider, of models that begin so. */
function keysOf(
  { requests }: ScriptedProvider,
  prefix: string,
): readonly (readonly [string, string | undefined])[] {
  return requests
    .map(({ body, headers }) => [String(body.model), headers['authorization']] as const)
    .filter(([model]) => model.startsWith(`${prefix}-`));
}

function isReady(seen: SeenRoute | undefined): boolean {
  return seen?.conditions.get('Ready')?.status === 'True';
}

function isUnresolved({ conditions }: SeenRoute): boolean {
  return conditions.get('ResolvedRefs')?.status === 'False';
}

/** A certificate for the same name that vouches for itself. */
async function ownIdentity(): Promise<Identity> {
  const folder = await mkdtemp(join(tmpdir(), 'turnbridge-rotation-'));
  try {
    const subject = '-subj /CN=provider.test -addext subjectAltName=DNS:provider.test -days 2';
    const line = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes ${subject} -keyout own.key -out own.crt`;
    await mustRun('openssl', line.split(' '), { cwd: folder });
    const [cert, key] = await Promise.all(
      ['own.crt', 'own.key'].map((name) => readFile(join(folder, name), 'utf8')),
    );
    return { cert: cert!, key: key! };
  } finally {
    await rm(folder, { recursive: true });
  }
}
