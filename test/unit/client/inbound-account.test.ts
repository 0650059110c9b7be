import { Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { InboundAccount } from '../../../src/client/inbound-account.ts';
import { Budget } from '../../../src/turn/budget.ts';

const kib = 1024;

/** An account of a socket that nobody has connected; reads are announced by hand. */
function openAccount(limitBytes = 1024 * kib) {
  const budget = new Budget('inbound', limitBytes);
  const socket = new Socket();
  let exhausted = 0;
  const account = new InboundAccount(
    socket,
    budget,
    () => 64 * kib,
    () => exhausted++,
  );
  return {
    account,
    budget,
    read: (bytes: number) => socket.emit('data', Buffer.alloc(bytes)),
    get exhausted() {
      return exhausted;
    },
  };
}

describe('a message that is being received', () => {
  test('costs its bytes and what each read costs, until it is complete', () => {
    const { account, budget, read } = openAccount();
    read(10 * kib);
    read(1);
    expect(budget.usedBytes).toBe(10 * kib + 1 + 2 * kib);
    account.messageDone();
    expect(budget.usedBytes).toBe(0);
  });

  test('sent byte by byte uses up the memory it really takes, and is stopped', () => {
    const opened = openAccount(256 * kib);
    for (let n = 0; n < 255; n++) opened.read(1);
    expect(opened.exhausted).toBe(0);
    for (let n = 0; n < 10; n++) opened.read(1);
    expect(opened.exhausted).toBeGreaterThan(0);
    opened.account.close();
    opened.account.close();
    expect(opened.budget.usedBytes).toBe(0);
  });

  test('pings leave nothing behind, however many there are', () => {
    const { account, budget, read } = openAccount();
    for (let n = 0; n < 1000; n++) {
      read(6);
      account.controlFrame(0);
    }
    expect(budget.usedBytes).toBe(0);
  });

  test('a ping within it gives back its own bytes only', () => {
    const { account, budget, read } = openAccount();
    read(500);
    read(10);
    account.controlFrame(4);
    expect(budget.usedBytes).toBe(500 + 2 * kib);
  });
});

test('a request that waits costs more than its bytes: a thousand empty ones are not free', () => {
  const { account, budget } = openAccount();
  expect(account.hold(0)).toBeUndefined();
  expect(budget.usedBytes).toBe(3 * kib);
  account.letGo(0);
  expect(budget.usedBytes).toBe(0);
  let held = 0;
  while (account.hold(10) === undefined) held++;
  expect(held).toBeLessThan(64);
});
