/** What a provider says of a client's rate limits stands on the client's next handshake. */
import { describe, expect, test } from '@jest/globals';
import { ask, openScene, type SceneWishes } from './scene.ts';

const window = {
  'x-codex-primary-used-percent': '37.5',
  'x-codex-primary-window-minutes': '300',
  'x-codex-primary-reset-at': '1700000000',
  'x-codex-credits-has-credits': 'true',
};
const script = {
  headers: { ...window, 'x-codex-turn-state': 'state-1', 'x-request-id': 'req_1' },
  steps: [{ text: 'hi' }],
};
const keyed: SceneWishes = {
  script,
  route: { clients: { auth: { type: 'APIKey', secretRef: { name: 'clients' } } } },
  secrets: { clients: { alice: 'alice-key-1', bob: 'bob-key-1' } },
};
const as = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });

describe('the window of an answer', () => {
  test('stands on the next 101 of that client, alone', async () => {
    await using scene = await openScene(keyed);
    const first = await scene.connect(as('alice-key-1'));
    expect(Object.keys(first.upgradeHeaders).filter((name) => name.startsWith('x-'))).toEqual([]);
    await ask(first, {});
    const second = await scene.connect(as('alice-key-1'));
    expect(second.upgradeHeaders).toMatchObject(window);
    expect(
      Object.keys(second.upgradeHeaders)
        .filter((name) => name.startsWith('x-'))
        .sort(),
    ).toEqual(Object.keys(window).sort());
  });

  test.each([true, false])('stands there as well when the turn was a POST (stream: %s)', async (stream) => {
    await using scene = await openScene(keyed);
    const answer = await fetch(`${scene.bridge.url}/responses`, {
      method: 'POST',
      ...as('alice-key-1'),
      body: JSON.stringify({ model: 'm', input: 'hi', stream }),
    });
    expect(answer.headers.get('x-codex-primary-used-percent')).toBe('37.5');
    await answer.text();
    const { upgradeHeaders } = await scene.connect(as('alice-key-1'));
    expect(upgradeHeaders).toMatchObject(window);
    expect(upgradeHeaders).not.toHaveProperty('x-request-id');
  });

  test('is nobody else’s', async () => {
    await using scene = await openScene(keyed);
    await ask(await scene.connect(as('alice-key-1')), {});
    const other = await scene.connect(as('bob-key-1'));
    expect(other.upgradeHeaders).not.toHaveProperty('x-codex-primary-used-percent');
  });

  test('is nobody’s where clients cannot be told apart', async () => {
    await using scene = await openScene({ script, route: { clients: { auth: { type: 'Passthrough' } } } });
    await ask(await scene.connect(), {});
    const other = await scene.connect();
    expect(other.upgradeHeaders).not.toHaveProperty('x-codex-primary-used-percent');
  });

  test('is that of one workspace of a login', async () => {
    await using scene = await openScene({ script, route: { clients: { auth: { type: 'Passthrough' } } } });
    const of = (account: string) => ({
      headers: { authorization: 'Bearer login-token-1', 'chatgpt-account-id': account },
    });
    await ask(await scene.connect(of('one')), {});
    const other = await scene.connect(of('two'));
    expect(other.upgradeHeaders).not.toHaveProperty('x-codex-primary-used-percent');
    const same = await scene.connect(of('one'));
    expect(same.upgradeHeaders).toHaveProperty('x-codex-primary-used-percent');
  });

  test('is that of the last turn, in a lane as well', async () => {
    let used = 10;
    await using scene = await openScene({
      ...keyed,
      script: () => ({
        headers: { 'x-codex-primary-used-percent': String(used++) },
        steps: [{ text: 'hi' }],
      }),
    });
    const client = await scene.connect(as('alice-key-1'));
    await ask(client, {});
    await ask(client, { stream_id: 'lane' });
    const { upgradeHeaders } = await scene.connect(as('alice-key-1'));
    expect(upgradeHeaders['x-codex-primary-used-percent']).toBe('11');
  });

  test('stays with the provider where the route denies it', async () => {
    await using scene = await openScene({
      ...keyed,
      route: {
        ...keyed.route,
        headerPassthrough: { response: { deny: ['x-codex-primary-used-percent'] } },
      },
    });
    await ask(await scene.connect(as('alice-key-1')), {});
    const { upgradeHeaders } = await scene.connect(as('alice-key-1'));
    expect(upgradeHeaders).toHaveProperty('x-codex-primary-reset-at');
    expect(upgradeHeaders).not.toHaveProperty('x-codex-primary-used-percent');
  });
});
