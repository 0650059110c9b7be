/** A provider that does not hear that nobody wants its answer any more: nothing of it stays in the bridge. */
import type { Socket } from 'node:net';
import { expect, test } from '@jest/globals';
import { routeTo } from '../harness/bridge.ts';
import { openByteProvider } from '../harness/byte-provider.ts';
import { until } from '../harness/wait-for.ts';
import { ask, logged, openScene, settled, textOf } from '../protocol/scene.ts';

const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n';
const created = 'data: {"type":"response.created","response":{"id":"resp_1","object":"response"}}\n\n';
const delta = 'data: {"type":"response.output_text.delta","delta":"words"}\n\n';
const completed =
  'data: {"type":"response.completed","response":{"id":"resp_1","object":"response","output":[]}}\n\n';

/** How a provider goes on after we have ended its connection. */
const ways = [
  {
    way: 'goes on sending',
    goOn: (socket: Socket) => {
      const timer = setInterval(() => socket.write(delta), 1);
      socket.once('close', () => clearInterval(timer));
    },
  },
  { way: 'sends nothing and never closes', goOn: (socket: Socket) => void socket.pause() },
] as const;

/** Who stops the turn. */
const stops = ['a client that leaves', 'an interrupt', 'an idle timeout'] as const;

test.each(ways.flatMap((way) => stops.map((stop) => ({ ...way, stop }))))(
  'one that $way after $stop holds nothing back',
  async ({ way, goOn, stop }) => {
    await using provider = await openByteProvider(({ model, socket }) => {
      socket.write(head + created);
      if (model !== 'deaf') socket.end(delta + completed);
      else goOn(socket);
    });
    const isIdle = stop === 'an idle timeout';
    // for its turn alone, and not for the events that it sends: the other turn has as long as it needs
    const timeouts = isIdle ? { idleSeconds: 1, turnDeadlineSeconds: 3, firstEventSeconds: 3 } : {};
    const deaf = { name: 'deaf', match: { models: ['deaf'] }, timeouts };
    await using scene = await openScene({
      routes: () => [routeTo(provider.url), routeTo(provider.url, deaf)].join('---\n'),
    });
    const client = await scene.connect();
    client.create({ model: 'deaf' });
    await client.next('response.created');
    if (stop === 'a client that leaves') client.terminate();
    if (stop === 'an interrupt') client.send({ type: 'response.interrupt', response_id: 'resp_1' });
    if (stop !== 'a client that leaves') await client.events();
    await logged(scene.bridge, 'turn.end');
    const other = stop === 'a client that leaves' ? await scene.connect() : client;
    expect(textOf(await ask(other, {}))).toBe('words');
    expect(provider.connections).toBe(2); // the deaf one's was not used again
    if (way === 'goes on sending') await until(() => provider.openConnections === 0, 'a reset to reach it');
    other.terminate();
    await settled(scene.bridge);
  },
);
