/** The connections that a server of this process has accepted, as its own side has them: whoever broke one off. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

const channel = 'net.server.socket';

/** Counts from now on, until it is disposed. */
export class AcceptedSockets implements Disposable {
  readonly #port: number;
  #accepted = 0;
  #open = 0;

  constructor(port: number) {
    this.#port = port;
    subscribe(channel, this.#onSocket);
  }

  /** There was a connection, and the server has closed its side of every one. */
  get areGone(): boolean {
    return this.#accepted > 0 && this.#open === 0;
  }

  [Symbol.dispose](): void {
    unsubscribe(channel, this.#onSocket);
  }

  readonly #onSocket = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket };
    if (socket.localPort !== this.#port) return;
    this.#accepted++;
    this.#open++;
    socket.once('close', () => this.#open--);
  };
}
