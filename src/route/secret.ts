import { inspect } from 'node:util';

/**
 * A credential in memory. However it is printed (string, JSON, inspect) it reads `[redacted]`; only
 * {@link Secret.reveal} gives the value, so that every use of one can be found by that name.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. Call it where a request is written, and nowhere else. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '[redacted]';
  }

  toJSON(): string {
    return '[redacted]';
  }

  [inspect.custom](): string {
    return '[redacted]';
  }
}
