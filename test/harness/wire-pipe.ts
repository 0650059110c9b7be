/** One direction of a connection through a flaky proxy. */
import type { Socket } from 'node:net';
import { PlaceFinder, type Place, type Way } from './wire-place.ts';

/** What holds on a line, both ways; changed while it runs. */
export interface Conditions {
  delayMs: number;
  bytesPerSecond: number;
  isSilent: boolean;
  /** What happens where, each way. */
  readonly traps: Map<Way, Trap>;
}

/** Something that is to happen at a place. */
export interface Trap {
  readonly place: Place;
  readonly act: () => void;
}

/** How often a narrow line lets bytes through: often enough to be smooth. */
const throttleStepMs = 10;

/** What may be on its way while there is a delay; beyond it the sender waits, as on a long line. */
const maxDelayedBytes = 1_048_576;

interface Ends {
  readonly way: Way;
  readonly from: Socket;
  readonly to: Socket;
}

/** One direction of one connection. Owns nothing: its two sockets belong to the proxy. */
export class WirePipe {
  private readonly way: Way;
  private readonly from: Socket;
  private readonly to: Socket;
  /** Looks for the place of this trap. */
  private watch: { readonly trap: Trap; readonly finder: PlaceFinder } | undefined;
  private readonly conditions: Conditions;
  private readonly count: (bytes: number) => void;
  /** Everything under way, in order. */
  private line: Promise<void> = Promise.resolve();
  private bytesOnLine = 0;

  constructor({ way, from, to }: Ends, conditions: Conditions, count: (bytes: number) => void) {
    this.way = way;
    this.from = from;
    this.to = to;
    this.conditions = conditions;
    this.count = count;
  }

  /** Reads only as fast as it writes, so that a slow side slows the other one, as without a proxy. Never rejects. */
  async run(): Promise<void> {
    try {
      // Half-closed connections are kept: the iterator must not destroy the socket after its FIN.
      for await (const chunk of this.from.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        this.send(chunk);
        if (this.conditions.delayMs === 0 || this.bytesOnLine > maxDelayedBytes) await this.line;
      }
      await this.line;
      // A FIN is passed on as one; silence swallows it too.
      if (!this.conditions.isSilent) this.to.end();
    } catch {
      // One side broke off: the other one hears of it the same way.
      if (!this.conditions.isSilent) this.to.resetAndDestroy();
    }
  }

  private send(chunk: Buffer): void {
    const dueAt = performance.now() + this.conditions.delayMs;
    this.bytesOnLine += chunk.byteLength;
    this.line = this.line.then(async () => {
      const waitMs = dueAt - performance.now();
      if (waitMs > 0) await pause(waitMs);
      await this.passTraps(chunk);
      this.bytesOnLine -= chunk.byteLength;
    });
  }

  /** Passes the bytes, and acts where one of them is the place of a trap. */
  private async passTraps(chunk: Buffer): Promise<void> {
    const trap = this.conditions.traps.get(this.way);
    if (trap === undefined) return this.pass(chunk);
    if (this.watch?.trap !== trap) this.watch = { trap, finder: new PlaceFinder(trap.place) };
    const at = this.watch.finder.find(chunk);
    if (at === undefined) return this.pass(chunk);
    // Nobody else may act on it while the bytes before are being written.
    this.conditions.traps.delete(this.way);
    await this.pass(chunk.subarray(0, at));
    await this.flush();
    trap.act();
    // A delay that begins here holds for what follows, although that has come already.
    if (this.conditions.delayMs > 0) await pause(this.conditions.delayMs);
    return at < chunk.length ? this.passTraps(chunk.subarray(at)) : undefined;
  }

  /** Everything that was written is with the kernel, or never will be. */
  private async flush(): Promise<void> {
    if (!this.to.writable) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.to.write('', () => resolve());
    await promise;
  }

  private async pass(chunk: Buffer): Promise<void> {
    let at = 0;
    while (at < chunk.byteLength) {
      const { bytesPerSecond } = this.conditions;
      if (bytesPerSecond === Infinity) return this.write(chunk.subarray(at));
      const step = Math.max(1, Math.floor((bytesPerSecond * throttleStepMs) / 1000));
      const piece = chunk.subarray(at, at + step);
      await this.write(piece);
      if (!this.to.writable) return undefined;
      // Below 100 bytes a second a step is one byte, and takes longer.
      await pause(Math.max(throttleStepMs, (piece.byteLength / bytesPerSecond) * 1000));
      at += step;
    }
    return undefined;
  }

  private async write(bytes: Buffer): Promise<void> {
    if (this.conditions.isSilent || !this.to.writable) return;
    this.count(bytes.byteLength);
    if (this.to.write(bytes)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = (): void => {
      this.to.off('drain', done);
      this.to.off('close', done);
      resolve();
    };
    this.to.on('drain', done);
    this.to.on('close', done);
    await promise;
  }
}

function pause(ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, ms);
  return promise;
}
