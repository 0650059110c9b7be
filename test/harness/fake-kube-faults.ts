/** What goes wrong between an API server and its client, cut at an exact place. */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** What a request is for. `listNext` is a page that a `continue` asks for. */
export type Phase =
  'list' | 'listNext' | 'watch' | 'get' | 'create' | 'update' | 'patch' | 'apply' | 'delete' | 'other';

/** Which requests a fault is for; all of them by default. */
export interface FaultMatch {
  readonly phase?: Phase | readonly Phase[];
  /** A part of the path, or a pattern. */
  readonly path?: string | RegExp;
}

/** `reset`: RST. `close`: FIN without the end of the answer. `end`: the answer ends as if it were whole. `silence`: nothing any more, and no FIN (half-open). */
export type Cut = 'reset' | 'close' | 'end' | 'silence';

export type Fault =
  /** This status with a Status object, or with `body` as it is. Nothing is stored. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly reason?: string;
      readonly message?: string;
      readonly retryAfter?: number | string;
      readonly body?: string;
    }
  /**
   * The true answer, cut: before its headers, after them, or after so many bytes of its body (of a watch: of its
   * stream). A write that is cut before its headers is not stored, unless it is `late`.
   */
  | {
      readonly kind: 'cut';
      readonly how: Cut;
      readonly after: 'nothing' | 'headers' | number;
      readonly late?: boolean;
    }
  /** The true answer in pieces of so many bytes. */
  | { readonly kind: 'slow'; readonly pieceBytes: number; readonly everyMs: number }
  /** 200 with these bytes instead of the true ones; then the end of the answer, or a cut. */
  | { readonly kind: 'body'; readonly body: string; readonly cut?: Cut }
  /** The true answer, when the promise is fulfilled. */
  | { readonly kind: 'hold'; readonly until: Promise<void> };

/** A fault that waits for its requests. */
export interface ScriptedFault {
  /** How many requests it was done to. */
  readonly used: number;
  /** Of no effect any more. */
  stop(): void;
}

/** The faults of one server, the first that fits counts. */
export class FaultScript {
  readonly #faults: { match: FaultMatch; fault: Fault; left: number; used: number }[] = [];

  add(match: FaultMatch, fault: Fault, times: number): ScriptedFault {
    const entry = { match, fault, left: times, used: 0 };
    this.#faults.push(entry);
    return {
      get used() {
        return entry.used;
      },
      stop: () => void (entry.left = 0),
    };
  }

  clear(): void {
    this.#faults.length = 0;
  }

  take(phase: Phase, path: string): Fault | undefined {
    const entry = this.#faults.find(({ match, left }) => left > 0 && fits(match, phase, path));
    if (entry === undefined) return undefined;
    entry.left -= 1;
    entry.used += 1;
    return entry.fault;
  }
}

/** Whether a request is one of those. */
export function fits({ phase, path }: FaultMatch, actual: Phase, actualPath: string): boolean {
  const phases = phase === undefined ? undefined : typeof phase === 'string' ? [phase] : phase;
  if (phases !== undefined && !phases.includes(actual)) return false;
  if (path === undefined) return true;
  return typeof path === 'string' ? actualPath.includes(path) : path.test(actualPath);
}

/** One answer on its way, with what is to happen to it. */
export class Answer {
  readonly #response: ServerResponse;
  readonly #socket: Socket | undefined;
  readonly #fault: Fault | undefined;
  readonly #onSilence: (response: ServerResponse) => void;
  #leftBytes = Infinity;
  #state: 'open' | 'muted' | 'over' = 'open';
  /** Slow pieces go out one after another. */
  #tail: Promise<void> = Promise.resolve();

  constructor(
    response: ServerResponse,
    socket: Socket | undefined,
    fault: Fault | undefined,
    onSilence: (response: ServerResponse) => void,
  ) {
    this.#response = response;
    this.#socket = socket;
    this.#fault = fault;
    this.#onSilence = onSilence;
    if (fault?.kind === 'cut' && typeof fault.after === 'number') this.#leftBytes = fault.after;
  }

  get isOpen(): boolean {
    return this.#state === 'open' && !this.#response.destroyed;
  }

  /** Sends the headers, unless nothing may be sent at all. */
  head(status: number, headers: Readonly<Record<string, string>> = {}): void {
    const fault = this.#fault;
    if (fault?.kind === 'cut' && fault.after === 'nothing') return this.cut(fault.how);
    this.#response.writeHead(status, { 'content-type': 'application/json', ...headers });
    this.#response.flushHeaders();
    if (fault?.kind === 'cut' && fault.after === 'headers') this.cut(fault.how);
  }

  write(text: string): void {
    if (!this.isOpen) return;
    const bytes = Buffer.from(text);
    const piece = bytes.subarray(0, this.#leftBytes);
    this.#leftBytes -= piece.length;
    if (this.#fault?.kind === 'slow') this.#drip(piece, this.#fault.pieceBytes, this.#fault.everyMs);
    else if (piece.length > 0) this.#response.write(piece);
    if (this.#leftBytes === 0 && this.#fault?.kind === 'cut') this.cut(this.#fault.how);
  }

  /** The end of the answer, after what is still on its way. */
  end(): void {
    this.#tail = this.#tail.then(() => {
      if (!this.isOpen) return;
      this.#state = 'over';
      this.#response.end();
    });
  }

  cut(how: Cut): void {
    if (this.#state === 'over') return;
    if (how === 'silence') {
      this.#state = 'muted';
      this.#onSilence(this.#response);
      return;
    }
    this.#state = 'over';
    if (how === 'end') {
      this.#response.end();
      return;
    }
    // What was written goes out first, so that the cut is where the test says.
    const strike = (): void => {
      if (how === 'reset') this.#socket?.resetAndDestroy();
      else this.#response.socket?.end();
    };
    if (this.#response.headersSent) this.#response.write('', strike);
    else strike();
  }

  #drip(bytes: Buffer, pieceBytes: number, everyMs: number): void {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const piece = bytes.subarray(at, at + pieceBytes);
      this.#tail = this.#tail.then(async () => {
        if (!this.isOpen) return;
        this.#response.write(piece);
        const { promise, resolve } = Promise.withResolvers<void>();
        setTimeout(resolve, everyMs);
        await promise;
      });
    }
  }
}
