/**
 * What a WebSocket keeps of a message until it is whole. The library does not say, so the bytes since the last whole
 * message are counted: one read (64 KiB) more or less than it keeps, at most.
 */
import { type ByteAccount, HeldAnswer, UNCOUNTED_BYTES } from './held-answer.ts';

/** Of a frame without a mask, as providers send them (RFC 6455, 5.2). */
const CONTROL_HEADER_BYTES = 2;

/** The share of one socket in the process's budget. Its owner closes it. */
export class MessageAccount {
  readonly #held: HeldAnswer;
  #unread = 0;

  constructor(account: ByteAccount) {
    this.#held = new HeldAnswer(account);
  }

  /** Bytes have come. False: the process has no room for what is kept. */
  read(bytes: number): boolean {
    this.#unread += bytes;
    return this.#unread <= UNCOUNTED_BYTES || this.#held.keeps(this.#unread);
  }

  /** A ping or pong, of which nothing is kept: on an idle socket they would add up. @param bytes Its payload. */
  control(bytes: number): void {
    this.#unread = Math.max(0, this.#unread - bytes - CONTROL_HEADER_BYTES);
  }

  /** A message is whole. */
  whole(): void {
    if (this.#unread > UNCOUNTED_BYTES) this.#held.keeps(0);
    this.#unread = 0;
  }

  /** Nothing is kept any more. May be called twice. */
  close(): void {
    this.#held.close();
  }
}
