/** A body that is written as fast as it is read, and cut into small writes where a script asks for it. */
import type { Writable } from 'node:stream';
import { setImmediate as nextTick } from 'node:timers/promises';

export class HttpBody {
  private readonly out: Writable;
  private readonly gone: AbortSignal;
  private readonly writeBytes: number | undefined;

  constructor(out: Writable, gone: AbortSignal, writeBytes: number | undefined) {
    this.out = out;
    this.gone = gone;
    this.writeBytes = writeBytes;
  }

  /** Resolves when the system has taken the bytes, or the client has gone. */
  async write(content: string | Buffer): Promise<void> {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    const step = this.writeBytes ?? bytes.byteLength;
    for (let at = 0; at < bytes.byteLength && !this.gone.aborted; at += step) {
      await this.writeOnce(bytes.subarray(at, at + step));
      // A turn of the event loop between two writes lets the client read them one by one.
      if (this.writeBytes !== undefined) await nextTick();
    }
  }

  async end(content: string): Promise<void> {
    await this.write(content);
    if (!this.gone.aborted) this.out.end();
  }

  private writeOnce(bytes: Buffer): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = (): void => resolve();
    // A destroyed socket never calls back, but then the client is gone.
    this.gone.addEventListener('abort', stop, { once: true });
    this.out.write(bytes, () => {
      this.gone.removeEventListener('abort', stop);
      resolve();
    });
    return promise;
  }
}
