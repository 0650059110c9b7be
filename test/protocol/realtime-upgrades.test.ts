/** How a client comes to a WebSocket of a provider, and what it hears where there is none. */
import { describe, expect, test } from '@jest/globals';
import { gate } from '../harness/fake-provider.ts';
import { closedPort, closedUrl } from '../harness/nowhere.ts';
import { encodeFrame, Opcode } from '../harness/raw-websocket.ts';
import { until } from '../harness/wait-for.ts';
import { rawUpgrade } from './raw-upgrade.ts';
import { openRealtimeScene } from './realtime-scene.ts';
import { errorIn, refusedUpgrade } from './refused-upgrade.ts';
import { logged, settled } from './scene.ts';

const keyed = {
  route: { clients: { auth: { type: 'APIKey', secretRef: { name: 'clients' } } } },
  secrets: { clients: { alice: 'alice-key-1' } },
};
const keyProtocol = 'openai-insecure-api-key.alice-key-1';

describe('the provider is asked', () => {
  test('with the model under its own name, its own query, and what the route lets through', async () => {
    await using realtime = await openRealtimeScene({
      route: {
        clients: { auth: { type: 'None' }, queryPassthrough: { allow: ['intent'] } },
        provider: { query: [{ name: 'api-version', value: '1' }], modelMapping: [{ from: 'a', to: 'b/c' }] },
      },
    });
    await realtime.pair('/realtime?model=a&secret=s&intent=transcription');
    const url = new URL(realtime.realtime.upgrades[0]!.url, 'http://provider');
    expect(url.pathname).toBe('/v1/realtime');
    expect(Object.fromEntries(url.searchParams)).toEqual({
      'api-version': '1',
      model: 'b/c',
      intent: 'transcription',
    });
  });

  test('with the headers of the policy: its own key, the hops, and never the client’s', async () => {
    await using realtime = await openRealtimeScene({
      route: {
        ...keyed.route,
        provider: { auth: { type: 'APIKey', secretRef: { name: 'own' } } },
      },
      secrets: { ...keyed.secrets, own: { apiKey: 'provider-key' } },
    });
    await realtime.pair('/realtime', {
      headers: {
        authorization: 'Bearer alice-key-1',
        cookie: 'a=b',
        'openai-beta': 'realtime=v1',
        'x-turnbridge-via': 'sidecar',
      },
    });
    const { headers } = realtime.realtime.upgrades[0]!;
    expect(headers).toMatchObject({
      authorization: 'Bearer provider-key',
      'openai-beta': 'realtime=v1',
      'x-turnbridge-via': 'sidecar, test-bridge',
    });
    expect(headers['cookie']).toBeUndefined();
    expect(headers['sec-websocket-protocol']).toBeUndefined();
    expect(headers['sec-websocket-extensions']).toBeUndefined();
    expect(JSON.stringify(headers)).not.toContain('alice');
  });

  test('with a browser’s protocols but not its key, which passes as a bearer token', async () => {
    await using realtime = await openRealtimeScene({
      route: { clients: {}, provider: { auth: { type: 'Passthrough' } } },
    });
    const { client } = await realtime.pair('/realtime', {
      protocols: ['realtime', keyProtocol, 'openai-beta.realtime-v1'],
    });
    expect(client.protocol).toBe('realtime');
    expect(JSON.stringify(client.upgradeHeaders)).not.toContain('alice-key-1');
    const { headers } = realtime.realtime.upgrades[0]!;
    expect(headers['sec-websocket-protocol']?.split(/, ?/)).toEqual(['realtime', 'openai-beta.realtime-v1']);
    expect(headers.authorization).toBe('Bearer alice-key-1');
  });

  test.each([
    'Openai-Insecure-API-Key.alice-key-1',
    'xai-client-secret.alice-key-1',
    'unheard-of.alice-key-1-0123456789-0123456789',
  ])('with no key in a spelling of its own, such as %s', async (protocol) => {
    await using realtime = await openRealtimeScene({
      route: { provider: { auth: { type: 'APIKey', secretRef: { name: 'own' } } } },
      secrets: { own: { apiKey: 'provider-key' } },
    });
    const { client } = await realtime.pair('/realtime', { protocols: [protocol, 'realtime'] });
    expect(client.protocol).toBe('realtime');
    expect(JSON.stringify(realtime.realtime.upgrades[0]!.headers)).not.toContain('alice');
  });
});

describe('the 101', () => {
  test('has the protocol that the provider chose, and of its headers those that the route lets through', async () => {
    await using realtime = await openRealtimeScene({
      realtime: {
        selects: () => 'second',
        headers: { 'x-request-id': 'req_1', 'set-cookie': 'a=b', 'x-internal': 'no' },
      },
    });
    const { client } = await realtime.pair('/realtime', { protocols: ['first', 'second'] });
    expect(client.protocol).toBe('second');
    expect(client.upgradeHeaders).toMatchObject({ 'x-request-id': 'req_1' });
    expect(client.upgradeHeaders).not.toHaveProperty('set-cookie');
    expect(client.upgradeHeaders).not.toHaveProperty('x-internal');
    expect(client.upgradeHeaders).not.toHaveProperty('sec-websocket-extensions');
  });

  test('comes after the provider’s, and what either end has said meanwhile is not lost', async () => {
    const held = gate();
    await using realtime = await openRealtimeScene({ realtime: { hold: held.promise } });
    await using raw = await rawUpgrade(realtime.scene.bridge.port);
    raw.write(textFrame('early'));
    await until(() => realtime.realtime.upgrades.length === 1, 'the dial');
    raw.write(textFrame('later'));
    expect(raw.received().toString()).toBe('');
    held.open();
    const end = await realtime.realtime.end();
    end.ws.send('hello');
    await until(() => end.texts.length === 2, 'what was said');
    expect(end.texts).toEqual(['early', 'later']);
    await raw.until('hello');
  });
});

describe('a refusal of the provider', () => {
  const body =
    '{"error":{"message":"no such model","type":"invalid_request_error","code":"model_not_found"}}';

  test.each([
    [400, {}, 400, 'model_not_found'],
    [403, {}, 403, 'model_not_found'],
    [404, {}, 404, 'model_not_found'],
    [429, { 'retry-after': '7' }, 429, 'model_not_found'],
    [500, {}, 500, 'model_not_found'],
    [503, {}, 503, 'model_not_found'],
    [302, { location: 'https://evil.test' }, 502, 'model_not_found'],
    [405, {}, 502, 'provider_unreachable'],
    [426, {}, 502, 'provider_unreachable'],
    [501, {}, 502, 'provider_unreachable'],
  ])('with %i is the client’s answer', async (status, headers, told, code) => {
    await using realtime = await openRealtimeScene({
      realtime: { refuse: { status, headers: { 'content-type': 'application/json', ...headers }, body } },
      route: { clients: {}, provider: { auth: { type: 'Passthrough' } } },
    });
    const refused = await refusedUpgrade(realtime.open());
    expect(refused.status).toBe(told);
    expect(errorIn(refused.body)).toMatchObject({ code });
    expect(refused.headers['location']).toBeUndefined();
    expect(refused.headers['retry-after']).toBe(status === 429 ? '7' : undefined);
    expect(refused.body.includes('has no WebSocket')).toBe(code === 'provider_unreachable');
    await settled(realtime.scene.bridge);
    const [line] = await logged(realtime.scene.bridge, 'connection.reject');
    expect(line).toMatchObject({
      result: 'provider_failed',
      status_code: told,
      route: expect.any(String),
      provider: expect.any(String),
      path: '/realtime',
      error_type: expect.any(String),
    });
  });

  test('loses what described its body, and its state', async () => {
    const headers = {
      'content-encoding': 'gzip',
      etag: '"1"',
      'x-codex-turn-state': 's',
      'x-request-id': 'req_1',
    };
    await using realtime = await openRealtimeScene({
      realtime: { refuse: { status: 400, headers, body: 'no' } },
    });
    const refused = await refusedUpgrade(realtime.open());
    expect(refused.headers).toMatchObject({ 'content-type': 'application/json', 'x-request-id': 'req_1' });
    for (const name of ['content-encoding', 'etag', 'x-codex-turn-state'])
      expect(refused.headers).not.toHaveProperty(name);
  });

  test('of the bridge’s own key does not blame the client’s', async () => {
    await using realtime = await openRealtimeScene({
      realtime: { refuse: { status: 401, body: '{"error":{"message":"bad key provider-key"}}' } },
      route: { provider: { auth: { type: 'APIKey', secretRef: { name: 'own' } } } },
      secrets: { own: { apiKey: 'provider-key' } },
    });
    const refused = await refusedUpgrade(realtime.open());
    expect(refused.status).toBe(400);
    expect(errorIn(refused.body)).toMatchObject({ code: 'provider_unauthorized' });
    expect(refused.body).not.toContain('provider-key');
  });
});

describe('a provider that', () => {
  test('is not there is answered 502', async () => {
    await using realtime = await openRealtimeScene({ through: async () => closedPort });
    const refused = await refusedUpgrade(realtime.open());
    expect(refused.status).toBe(502);
    expect(errorIn(refused.body)).toMatchObject({ code: 'provider_unreachable' });
  });

  test('does not answer the upgrade is answered 504, after timeouts.connectSeconds', async () => {
    await using realtime = await openRealtimeScene({
      realtime: { hold: new Promise(() => undefined) },
      route: { timeouts: { connectSeconds: 1 } },
    });
    const refused = await refusedUpgrade(realtime.open());
    expect(refused.status).toBe(504);
    expect(errorIn(refused.body)).toMatchObject({ code: 'connect_timeout' });
    await settled(realtime.scene.bridge);
  });

  test('is reached over HTTP only is answered 404 with a sentence, and not dialled', async () => {
    await using realtime = await openRealtimeScene({ route: { provider: { transport: 'HTTP' } } });
    const refused = await refusedUpgrade(realtime.open());
    expect(refused.status).toBe(404);
    expect(refused.body).toContain('transport: HTTP');
    expect(realtime.realtime.upgrades).toEqual([]);
  });
});

describe('a provider that cannot be reached', () => {
  test('is left alone after three dials, as by turns: the next clients come to another', async () => {
    await using realtime = await openRealtimeScene();
    const { realtime: works } = realtime;
    await realtime.useRoutes({
      providers: [
        { name: 'dead', url: `${closedUrl}/v1`, auth: { type: 'None' } },
        { name: 'works', url: works.url, auth: { type: 'None' }, priority: 1 },
      ],
    });
    for (let n = 0; n < 3; n++) expect((await refusedUpgrade(realtime.open())).status).toBe(502);
    await realtime.pair();
    const [line] = await logged(realtime.scene.bridge, 'provider.ejected');
    expect(line).toMatchObject({ provider: 'dead' });
  });
});

function textFrame(text: string): Buffer {
  return encodeFrame({ opcode: Opcode.text, payload: Buffer.from(text) });
}
