/** Who we are to the API server: kubeconfig files, contexts, plugins, and the service account of a pod. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { manualClock } from '../harness/clock.ts';
import { openFakeKube } from '../harness/fake-kube.ts';
import type { FakeKube } from '../harness/fake-kube.ts';
import { tlsFixture } from '../harness/tls-front.ts';
import { until } from '../harness/wait-for.ts';
import {
  CREDENTIALS_AGE_MS,
  GIVE_UP_READING_MS,
  KubeconfigCredentials,
  MAX_GIVEN_UP,
} from '../../src/kube/kubeconfig-credentials.ts';
import { openKubeClient } from '../../src/kube/open-kube-client.ts';
import type { OpenKubeClientOptions } from '../../src/kube/open-kube-client.ts';

const SECRETS = '/api/v1/namespaces/ai/secrets';
const serviceAccount = 'var/run/secrets/kubernetes.io/serviceaccount';
const get = { method: 'GET', path: SECRETS } as const;

let folder = '';
const environment = { ...process.env };
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'turnbridge-kube-'))));
afterEach(async () => {
  process.env = { ...environment };
  await rm(folder, { recursive: true });
});

async function open(options: Partial<OpenKubeClientOptions>) {
  const client = await openKubeClient({ facts: () => undefined, userAgent: 'turnbridge-test', ...options });
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });
}

/** Files as in a pod, below the test's folder. */
async function enterPod(kube: FakeKube): Promise<void> {
  const account = join(folder, serviceAccount);
  await mkdir(account, { recursive: true });
  await kube.writeCredentials(account);
  process.env['KUBERNETES_SERVICE_HOST'] = '127.0.0.1';
  process.env['KUBERNETES_SERVICE_PORT'] = String(kube.port);
}

async function writeConfig(
  kube: FakeKube,
  user: object,
  cluster: object = {},
  name = 'config',
): Promise<string> {
  await writeFile(join(folder, 'ca.crt'), kube.ca);
  const path = join(folder, name);
  const trusted = { server: kube.url, 'certificate-authority': 'ca.crt', ...cluster };
  const config = {
    clusters: [{ name, cluster: trusted }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
  await writeFile(path, JSON.stringify(config));
  return path;
}

describe('in a pod', () => {
  test('its token and its CA are used', async () => {
    await using kube = await openFakeKube();
    await enterPod(kube);
    await using client = await open({ podRoot: `${folder}/` });
    await expect(client.request(get)).resolves.toMatchObject({ kind: 'List' });
  });

  test('a token that was replaced is in use after a minute, and at once when the old one is refused', async () => {
    const clock = manualClock();
    await using kube = await openFakeKube();
    await enterPod(kube);
    await using client = await open({ podRoot: `${folder}/`, clock });
    await client.request(get);
    kube.tokens.add('token-2');
    await writeFile(join(folder, serviceAccount, 'token'), 'token-2\n');
    clock.advance(CREDENTIALS_AGE_MS);
    await client.request(get); // reads the file
    kube.tokens.delete('token-1');
    await client.request(get);
    expect(kube.requests.map(({ status }) => status)).toEqual([200, 200, 200]);
    kube.tokens.clear();
    kube.tokens.add('token-3');
    await writeFile(join(folder, serviceAccount, 'token'), 'token-3\n');
    await Promise.all([client.request(get), client.request(get)]);
    const later = kube.requests.slice(3).map(({ status }) => status);
    expect(later.filter((status) => status === 200)).toHaveLength(2);
    expect(later.filter((status) => status === 401).length).toBeLessThanOrEqual(2);
    // Seven requests: a token is no reason for a connection.
    expect(kube.connections).toBeLessThanOrEqual(5);
  });

  test('a token file that is gone fails requests until it is back', async () => {
    const clock = manualClock();
    await using kube = await openFakeKube();
    await enterPod(kube);
    await using client = await open({ podRoot: `${folder}/`, clock });
    await rm(join(folder, serviceAccount, 'token'));
    clock.advance(CREDENTIALS_AGE_MS);
    await expect(client.request(get)).rejects.toMatchObject({ reason: 'Credentials' });
    await writeFile(join(folder, serviceAccount, 'token'), 'token-1');
    await expect(client.request(get)).resolves.toMatchObject({ kind: 'List' });
  });

  test('outside of one, that is said at once, with what to do', async () => {
    delete process.env['KUBERNETES_SERVICE_HOST'];
    delete process.env['KUBERNETES_SERVICE_PORT'];
    await expect(open({})).rejects.toThrow(/^not in a pod: .* name a kubeconfig/);
  });
});

describe('with a kubeconfig', () => {
  test('its current context counts, or the one that is named', async () => {
    await using kube = await openFakeKube();
    kube.tokens.add('other');
    const one = await writeConfig(kube, { token: 'unknown' }, {}, 'one');
    const other = await writeConfig(kube, { token: 'other' }, {}, 'other');
    await using first = await open({ kubeconfig: `${one}:${other}` });
    await expect(first.request(get)).rejects.toMatchObject({ status: 401 });
    await using second = await open({ kubeconfig: `${one}:${other}`, context: 'other' });
    await expect(second.request(get)).resolves.toMatchObject({ kind: 'List' });
    await expect(open({ kubeconfig: one, context: 'third' })).rejects.toThrow(
      /has no context "third".*it has one/,
    );
  });

  test('a file that is not there is named, with what to do', async () => {
    await expect(open({ kubeconfig: join(folder, 'nowhere') })).rejects.toThrow(
      /^there is no kubeconfig at .*nowhere; name the path of one/,
    );
  });

  test.each([
    ['a folder', undefined, /is a folder; name the file in it$/],
    ['no YAML at all', 'token: hidden: twice', /is no kubeconfig, or a broken one:/],
    ['an empty file', '', /is no kubeconfig, or a broken one:/],
    ['another kind of file', 'kind: Secret\ndata: {}', /has no current context; .*\(it has none\)$/],
  ])('%s in its place is said in words, and what is in it is not', async (_, text, sentence) => {
    const path = join(folder, 'place');
    await (text === undefined ? mkdir(path) : writeFile(path, text));
    const problem = await open({ kubeconfig: path }).then(
      () => undefined,
      (error: Error) => error,
    );
    expect(problem?.message).toMatch(sentence);
    expect(inspect(problem)).not.toContain('hidden');
  });

  test('a plugin is run once, and again when its token is refused', async () => {
    await using kube = await openFakeKube();
    const runs = join(folder, 'runs');
    const script = `
      const { appendFileSync, readFileSync } = require('node:fs');
      appendFileSync(${JSON.stringify(runs)}, 'x');
      const token = 'token-' + readFileSync(${JSON.stringify(runs)}, 'utf8').length;
      console.log(JSON.stringify({ kind: 'ExecCredential', status: { token } }));`;
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: process.execPath,
      args: ['-e', script],
    };
    const clock = manualClock();
    await using client = await open({ kubeconfig: await writeConfig(kube, { exec }), clock });
    await client.request(get);
    clock.advance(CREDENTIALS_AGE_MS);
    await client.request(get);
    kube.tokens.clear();
    kube.tokens.add('token-2');
    await client.request(get);
    expect(kube.requests.map(({ status }) => status)).toEqual([200, 200, 401, 200]);
  });

  test('a plugin that hangs is given up after a minute and run again, three times at most', async () => {
    await using kube = await openFakeKube();
    const runs = join(folder, 'runs');
    const mayEnd = join(folder, 'may-end');
    // they hang until they are told to end, or the test and its folder are gone
    const script = `
      const { appendFileSync, existsSync } = require('node:fs');
      appendFileSync(${JSON.stringify(runs)}, 'x');
      const tell = () => console.log(JSON.stringify({ kind: 'ExecCredential', status: { token: 'token-1' } }));
      const wait = () => {
        if (existsSync(${JSON.stringify(mayEnd)})) tell();
        else if (existsSync(${JSON.stringify(runs)})) setTimeout(wait, 10);
      };
      wait();`;
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: process.execPath,
      args: ['-e', script],
    };
    const clock = manualClock();
    const kubeconfig = await writeConfig(kube, { exec });
    const credentials = new KubeconfigCredentials({ kind: 'file', path: kubeconfig }, clock);
    const begun = () =>
      readFile(runs, 'utf8').then(
        ({ length }) => length,
        () => 0,
      );
    const answers: Promise<unknown>[] = [];
    for (let run = 1; run <= MAX_GIVEN_UP + 1; run += 1) {
      answers.push(credentials.current(), credentials.current());
      await until(async () => (await begun()) === run, `run ${String(run)}`);
      clock.advance(GIVE_UP_READING_MS);
    }
    answers.push(credentials.current());
    await writeFile(mayEnd, '');
    for (const answer of await Promise.all(answers))
      expect(answer).toMatchObject({ headers: { authorization: 'Bearer token-1' } });
    expect(await begun()).toBe(MAX_GIVEN_UP + 1);
  });

  test('a name and a password go out as such', async () => {
    await using kube = await openFakeKube();
    await using client = await open({
      kubeconfig: await writeConfig(kube, { username: 'me', password: 'pass' }),
    });
    await expect(client.request(get)).rejects.toMatchObject({ status: 401 });
    expect(kube.authorizations).toContain(`Basic ${Buffer.from('me:pass').toString('base64')}`);
  });

  test('a server that shows another certificate is not talked to', async () => {
    await using kube = await openFakeKube();
    const path = await writeConfig(kube, { token: 'token-1' });
    await writeFile(join(folder, 'ca.crt'), tlsFixture('expired.pem'));
    await using client = await open({ kubeconfig: path });
    await expect(client.request(get)).rejects.toMatchObject({ reason: 'Network' });
    expect(kube.requests).toEqual([]);
  });

  test('the name in the certificate may be another than the address, if the file says so', async () => {
    await using kube = await openFakeKube();
    const user = { token: 'token-1' };
    const named = await writeConfig(kube, user, { 'tls-server-name': 'provider.test' });
    await using client = await open({ kubeconfig: named });
    await expect(client.request(get)).resolves.toMatchObject({ kind: 'List' });
    const wrong = await writeConfig(kube, user, { 'tls-server-name': 'elsewhere.test' });
    await using other = await open({ kubeconfig: wrong });
    await expect(other.request(get)).rejects.toMatchObject({ reason: 'Network' });
  });

  test('a server with a path of its own is asked below it', async () => {
    await using kube = await openFakeKube();
    const path = await writeConfig(kube, { token: 'token-1' }, { server: `${kube.url}/k8s/clusters/c-1/` });
    await using client = await open({ kubeconfig: path });
    await client.request(get);
    expect(kube.requests.map((request) => request.path)).toEqual([`/k8s/clusters/c-1${SECRETS}`]);
  });

  test('a SOCKS proxy is refused with a sentence', async () => {
    await using kube = await openFakeKube();
    const path = await writeConfig(kube, { token: 'token-1' }, { 'proxy-url': 'socks5://127.0.0.1:1' });
    await expect(open({ kubeconfig: path })).rejects.toThrow(/SOCKS proxy/);
  });
});
