/**
 * Writes lines to a file descriptor without ever blocking the thread or the exit of the process: one write in
 * flight, a bounded queue behind it, and what does not fit is refused.
 */
import { close, constants, fstatSync, openSync, write, writeSync } from 'node:fs';

/** 1 MiB: some two thousand turns. A reader that is further behind than that will not catch up. */
const MAX_QUEUED_BYTES = 1024 * 1024;

/** Room beyond that for the one line that says what was dropped. */
const REPORT_BYTES = 4096;

/** Lines are joined up to this length, so that a burst costs few writes; a pipe of Linux holds as many bytes. */
const MAX_WRITE_CHARS = 64 * 1024;

/**
 * 20 ms: lines that come within it leave in one write, which costs more than ten lines to build (it wakes a thread). Nobody
 * follows a log more closely. Errors do not wait.
 */
const GATHER_MS = 20;

/** A full pipe is tried again this often: no event says that it has room, because it is not a stream here. */
const FULL_RETRY_MS = 10;

/** A reader that stands still at the end is given up after this long: the process has to leave. */
const CLOSE_TIMEOUT_MS = 1000;

export interface LineWriterOptions {
  readonly maxQueuedBytes?: number;
  readonly closeTimeoutMs?: number;
}

/** Where writing stands. Every state but `dead` takes further lines. */
type WriterState = 'idle' | 'gathering' | 'writing' | 'full' | 'dead';

export class LineWriter {
  /** Lines that were taken and yet not written, because the descriptor broke or close() gave up. */
  lost = 0;
  readonly #fd: number;
  readonly #ownsFd: boolean;
  readonly #maxQueuedBytes: number;
  readonly #closeTimeoutMs: number;
  #queue: string[] = [];
  #queuedBytes = 0;
  /** What is being written, or what remains of it. */
  #current: Buffer | undefined;
  #state: WriterState = 'idle';
  #timer: NodeJS.Timeout | undefined;
  #onIdle: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  /** @param fd stays its caller's: it is never closed here. */
  constructor(fd: number, options: LineWriterOptions = {}) {
    const own = reopenWithoutBlocking(fd);
    this.#fd = own ?? fd;
    this.#ownsFd = own !== undefined;
    this.#maxQueuedBytes = options.maxQueuedBytes ?? MAX_QUEUED_BYTES;
    this.#closeTimeoutMs = options.closeTimeoutMs ?? CLOSE_TIMEOUT_MS;
  }

  /**
   * Takes one line if there is room. Never throws.
   * @param kind a `report` on what was dropped has room of its own
   * @returns whether it was taken
   */
  push(line: string, kind: 'line' | 'report' = 'line'): boolean {
    const bytes = Buffer.byteLength(line);
    const max = this.#maxQueuedBytes + (kind === 'report' ? REPORT_BYTES : 0);
    if (this.#state === 'dead' || this.#closing !== undefined || this.#queuedBytes + bytes > max) {
      return false;
    }
    this.#queue.push(line);
    this.#queuedBytes += bytes;
    if (this.#state === 'idle') {
      this.#state = 'gathering';
      this.#timer = setTimeout(() => this.#writeNext(), GATHER_MS);
    }
    return true;
  }

  /** Does not wait for further lines: what was pushed may be the last that this process says. */
  hurry(): void {
    if (this.#state !== 'gathering') return;
    clearTimeout(this.#timer);
    this.#writeNext();
  }

  /** The queue is at most half full: time to speak of what was dropped while it was not. */
  get isRelaxed(): boolean {
    return this.#state !== 'dead' && this.#queuedBytes <= this.#maxQueuedBytes / 2;
  }

  /** Writes what is queued and lets go of the descriptor; gives up after the time-out. May be called twice. */
  close(): Promise<void> {
    this.#closing ??= this.#flush();
    return this.#closing;
  }

  async #flush(): Promise<void> {
    this.hurry();
    if (this.#state === 'writing' || this.#state === 'full') {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
        timer = setTimeout(resolve, this.#closeTimeoutMs);
      });
      clearTimeout(timer);
    }
    // Read again after the wait; a write that still runs keeps its descriptor, closing it would hit another file.
    const stuck = this.#isWriting();
    this.#die();
    if (this.#ownsFd && !stuck) await new Promise<void>((resolve) => close(this.#fd, () => resolve()));
  }

  #isWriting(): boolean {
    return this.#state === 'writing';
  }

  #writeNext(): void {
    if (this.#current === undefined) {
      const batch = this.#takeBatch();
      if (batch === '') {
        this.#state = 'idle';
        this.#onIdle?.();
        return;
      }
      this.#current = Buffer.from(batch);
    }
    this.#state = 'writing';
    const bytes = this.#current;
    if (this.#ownsFd) return this.#wrote(...writeNow(this.#fd, bytes));
    write(this.#fd, bytes, 0, bytes.length, null, (error, written) => {
      if (this.#state === 'writing') this.#wrote(error, written); // else given up meanwhile
    });
  }

  #wrote(error: NodeJS.ErrnoException | null, written: number): void {
    if (error === null) {
      const rest = this.#current?.subarray(written);
      this.#queuedBytes -= written;
      this.#current = rest?.length === 0 ? undefined : rest;
      this.#writeNext();
    } else if (error.code === 'EAGAIN') {
      this.#state = 'full';
      this.#timer = setTimeout(() => this.#writeNext(), FULL_RETRY_MS);
    } else {
      // EPIPE, ENOSPC, EBADF: there is nobody left to tell. The counter is all that remains.
      this.#die();
    }
  }

  #takeBatch(): string {
    let batch = '';
    let count = 0;
    for (const line of this.#queue) {
      if (count > 0 && batch.length + line.length > MAX_WRITE_CHARS) break;
      batch += line;
      count += 1;
    }
    this.#queue.splice(0, count);
    return batch;
  }

  #die(): void {
    clearTimeout(this.#timer);
    this.lost += this.#queue.length + lineFeedsIn(this.#current);
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#current = undefined;
    this.#state = 'dead';
    this.#onIdle?.();
  }
}

/** A descriptor that never blocks needs no other thread, which would cost more than the write. */
function writeNow(fd: number, bytes: Buffer): [error: NodeJS.ErrnoException | null, written: number] {
  try {
    return [null, writeSync(fd, bytes)];
  } catch (error) {
    return [error as NodeJS.ErrnoException, 0];
  }
}

/** Each line has exactly one; a line that was cut in half counts as lost. */
function lineFeedsIn(bytes: Buffer | undefined): number {
  return bytes?.filter((byte) => byte === 0x0a).length ?? 0;
}

/**
 * A write to a full pipe waits in a thread of the pool, and a process cannot exit before that thread is back: a
 * stalled log reader would keep a pod from leaving. Opened a second time, the pipe can be made non-blocking for
 * us alone. Undefined where that is not possible or not needed (files, terminals, systems without /proc).
 */
function reopenWithoutBlocking(fd: number): number | undefined {
  try {
    if (!fstatSync(fd).isFIFO()) return undefined;
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return undefined; // the descriptor itself still works, with that one weakness
  }
}
