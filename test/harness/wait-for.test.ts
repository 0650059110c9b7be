/** What tests wait with: facts that come are seen, whatever the machine does meanwhile, and what never comes is told in time. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { standStill } from './stand-still.ts';
import { until, within } from './wait-for.ts';

const never = new Promise<void>(() => undefined);

test('until gives the fact, and says in vain what it awaited and last saw', async () => {
  let count = 0;
  expect(await until(() => ((count += 1) > 3 ? count : undefined), 'a count')).toBe(4);
  expect(await until(() => 0, 'a number, even zero')).toBe(0);
  await expect(until(() => false, 'the impossible', 5)).rejects.toThrow(
    'waited 5 ms for the impossible; last seen: false',
  );
});

test('within gives the outcome, and says in vain what it awaited', async () => {
  expect(await within(Promise.resolve(1), 'one')).toBe(1);
  await expect(within(Promise.reject(new Error('no')), 'one')).rejects.toThrow(/^no$/);
  await expect(within(never, 'nothing', 5, () => 'silence')).rejects.toThrow(
    'waited 5 ms for nothing; seen: silence',
  );
});

test('nobody waits for less than the time that was given', async () => {
  const from = performance.now();
  const waits = [until(() => false, 'x', 300), within(never, 'x', 300)];
  await Promise.allSettled(waits);
  // A timer may be a millisecond early.
  expect(performance.now() - from).toBeGreaterThanOrEqual(298);
});

describe('a process that stood still', () => {
  let server: Server;
  let client: Socket;
  /** Bytes that came back: each is one way to the server and back. */
  let rounds = 0;

  beforeEach(async () => {
    server = createServer({ noDelay: true }, (socket) => {
      socket.on('error', () => undefined); // the client goes while bytes are on their way to it
      socket.pipe(socket);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', noDelay: true });
    await once(client, 'connect');
    rounds = 0;
    client.on('data', () => {
      rounds += 1;
      client.write('.');
    });
  });
  afterEach(async () => {
    client.destroy();
    server.close();
    await once(server, 'close');
  });

  test('does not lose its wait: it goes on for what is left of it', async () => {
    const seen = async (): Promise<number> => {
      for (;;) {
        await once(client, 'data');
        if (rounds >= 20) return rounds;
      }
    };
    const waits = [until(() => rounds >= 20, 'twenty rounds', 900), within(seen(), 'twenty rounds', 900)];
    client.write('.');
    standStill(1000);
    expect(await Promise.all(waits)).toEqual([true, 20]);
  });

  test('reads what came meanwhile before it gives up, also where nothing is left', async () => {
    const waits = [until(() => rounds > 0, 'a round', 100), within(once(client, 'data'), 'a round', 100)];
    client.write('.');
    // Once more, so that the byte is on its way back.
    setImmediate(() => standStill(300));
    await expect(Promise.all(waits)).resolves.toHaveLength(2);
  });
});

describe('what never comes fails in its time', () => {
  test('however often the process stands still', async () => {
    const stalls = setInterval(() => standStill(300), 1);
    const waits = [until(() => false, 'x', 400), within(never, 'x', 400)];
    const results = await Promise.allSettled(waits);
    clearInterval(stalls);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  test('however long a look takes: that is time as well', async () => {
    let looks = 0;
    const look = async (): Promise<boolean> => {
      looks += 1;
      await pause(900);
      return false;
    };
    await expect(until(look, 'x', 750)).rejects.toThrow('waited 750 ms for x; last seen: false');
    // The second one is the last; a third one would be that of a process that stood still.
    expect(looks).toBeLessThanOrEqual(3);
  });
});
