/**
 * The way of an answer's bytes from undici to their reader: through a decoder where one is needed, and no faster
 * than is wanted. Holds undici's controller as long as the answer is this attempt's: undici hands the same
 * connection to the next request, which a late call must not touch.
 */
import type { Dispatcher } from 'undici';
import { type AnswerDecoder, openDecoder } from './answer-decoder.ts';

/** Hears the decoded bytes. */
export interface FlowListener {
  onBytes(chunk: Buffer): void;
  onBodyEnd(): void;
  /** The bytes are not what their content encoding says. Nothing follows. */
  onUndecodable(): void;
}

/** How many callbacks of undici are running at this moment, in the whole transport. */
export interface CallbackDepth {
  depth: number;
}

/** One answer. Its owner ends it by `close` or `abort`; both may be called twice, and nothing is heard after. */
export class AnswerFlow {
  readonly #callbacks: CallbackDepth;
  readonly #listener: FlowListener;
  #controller: Dispatcher.DispatchController | undefined;
  #decoder: AnswerDecoder | undefined;
  /** The owner wants no more for now. */
  #held = false;
  /** The decoder takes no more for now. */
  #decoderFull = false;
  #received = false;

  constructor(callbacks: CallbackDepth, listener: FlowListener) {
    this.#callbacks = callbacks;
    this.#listener = listener;
  }

  /** The whole body has come from the socket, though perhaps not yet out of the decoder. */
  get received(): boolean {
    return this.#received;
  }

  /** A connection has taken the request. */
  start(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#apply();
  }

  /**
   * Decodes what follows.
   *
   * @param encoding The answer's `content-encoding`; empty if there is none.
   * @returns false if it is not known; the bytes then come as they are.
   */
  decode(encoding: string): boolean {
    if (/^(?:identity)?$/i.test(encoding.trim())) {
      return true;
    }
    this.#decoder = openDecoder(encoding, {
      onBytes: (chunk) => this.#listener.onBytes(chunk),
      onEnd: () => this.#listener.onBodyEnd(),
      onBroken: () => this.#listener.onUndecodable(),
      onDrain: () => {
        this.#decoderFull = false;
        this.#apply();
      },
    });
    return this.#decoder !== undefined;
  }

  /** From here on the bytes are of no interest but for their number. */
  stopDecoding(): void {
    this.#decoder?.destroy();
    this.#decoder = undefined;
    this.#decoderFull = false;
  }

  push(chunk: Buffer): void {
    if (this.#decoder === undefined) {
      this.#listener.onBytes(chunk);
    } else if (!this.#decoder.push(chunk)) {
      this.#decoderFull = true;
      this.#apply();
    }
  }

  end(): void {
    this.#received = true;
    this.#controller = undefined;
    if (this.#decoder === undefined) {
      this.#listener.onBodyEnd();
    } else {
      this.#decoder.end();
    }
  }

  hold(): void {
    this.#held = true;
    this.#apply();
  }

  flow(): void {
    if (this.#held) {
      this.#held = false;
      this.#apply();
    }
  }

  /** Lets go of the answer without ending its request. */
  close(): void {
    this.stopDecoding();
    this.#controller = undefined;
  }

  /** Ends the request, if it is still under way: closes its connection, or resets its stream. */
  abort(): void {
    const controller = this.#controller;
    this.close();
    controller?.abort(new Error('aborted'));
  }

  /**
   * Brings undici and the decoder in line with what is wanted. To resume makes undici parse what it holds at once;
   * its parser is one for all connections and must not be entered from within a callback of another.
   */
  #apply(): void {
    if (this.#held) {
      this.#decoder?.pause();
    } else {
      this.#decoder?.resume();
    }
    const controller = this.#controller;
    if (controller === undefined) {
      return;
    }
    if (this.#held || this.#decoderFull) {
      controller.pause();
    } else if (controller.paused) {
      if (this.#callbacks.depth === 0) {
        controller.resume();
      } else {
        queueMicrotask(() => this.#apply());
      }
    }
  }
}
