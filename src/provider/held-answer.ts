/**
 * What one answer keeps in memory until it is whole: an event that is not finished, a JSON answer, the items that a
 * repair may have to tell again. It counts against one budget for all answers of the process.
 */
import type { ProviderFaultCode } from './provider.ts';

/** An account of bytes with a limit; the process has one for all answers. */
export interface ByteAccount {
  /** Counts bytes if they fit. */
  take(bytes: number): boolean;
  give(bytes: number): void;
}

/**
 * 64 KiB of each answer are not counted: a read's worth, which every answer has at some time. So the books are opened
 * for large events only, and a budget that is used up stops nobody who streams small ones.
 */
export const UNCOUNTED_BYTES = 64 * 1024;

/** The share of one answer. Its owner closes it. */
export class HeldAnswer {
  readonly #account: ByteAccount;
  #countedBytes = 0;
  #isRefused = false;
  #isClosed = false;

  constructor(account: ByteAccount) {
    this.#account = account;
  }

  /** Whose fault it is that an answer cannot be read on: ours, who have no room for it, or else the provider's. */
  get faultCode(): ProviderFaultCode {
    return this.#isRefused ? 'no_room' : 'protocol_error';
  }

  /**
   * The answer keeps so many bytes now. False when the process has no room for them. Counts nothing once it is closed: an
   * event in the middle of a read may end the turn, and its reader speaks up when the read is done.
   */
  keeps(bytes: number): boolean {
    if (this.#isClosed) return true;
    const counted = Math.max(0, bytes - UNCOUNTED_BYTES);
    const more = counted - this.#countedBytes;
    if (more === 0) return true;
    if (more > 0 && !this.#account.take(more)) {
      this.#isRefused = true;
      return false;
    }
    if (more < 0) this.#account.give(-more);
    this.#countedBytes = counted;
    return true;
  }

  /** Nothing is kept any more. May be called twice. */
  close(): void {
    this.#isClosed = true;
    this.#account.give(this.#countedBytes);
    this.#countedBytes = 0;
  }
}

/** For transports without a budget. */
export const UNLIMITED: ByteAccount = { take: () => true, give: () => undefined };
