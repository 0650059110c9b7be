/** A reload with more connections than are judged in one go. */
import { expect, test } from '@jest/globals';
import { within } from '../harness/wait-for.ts';
import { openScene, type SceneWishes } from './scene.ts';

const keyed: SceneWishes = {
  route: {
    clients: { auth: { type: 'APIKey', secretRef: { name: 'keys' } } },
    limits: { maxConnectionsPerClient: 1_000 },
  },
  secrets: { keys: { alice: 'alice-key', bob: 'bob-key' } },
};

test('a revoked key closes each of its 600 connections, and none of the others', async () => {
  await using scene = await openScene(keyed);
  const open = (key: string) => scene.connect({ headers: { authorization: `Bearer ${key}` } });
  const gone = await Promise.all(Array.from({ length: 600 }, () => open('alice-key')));
  const stays = await open('bob-key');
  await scene.changeRoute(keyed.route!, { keys: { bob: 'bob-key' } });
  const closes = await within(Promise.all(gone.map(({ closed }) => closed)), 'all to be closed', 10_000);
  expect(new Set(closes.map(({ code }) => code))).toEqual(new Set([1008]));
  expect(stays.socket.destroyed).toBe(false);
}, 30_000);
