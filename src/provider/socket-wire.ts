/**
 * An open WebSocket as the library has it, with what the library leaves to us: memory that is counted, peers that are
 * gone without a word, and frames that no event can be.
 */
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import type { EventLatency } from '../events/event-latency.ts';
import { NO_ROOM } from './event-reader.ts';
import { type ByteAccount, HeldAnswer } from './held-answer.ts';
import { MessageAccount } from './message-account.ts';
import type { SendResult } from './provider.ts';
import { frameComplaint } from './socket-close.ts';
import { SocketLiveness } from './socket-liveness.ts';

/** Hears of one wire. */
export interface WireListener {
  onText(payload: Buffer): void;
  /** It brought what cannot be passed on, and closes by itself. */
  onBroken(code: 'protocol_error' | 'no_room', complaint: string): void;
  /**
   * Nothing is left of it.
   *
   * @param code 1005: a close frame without a code; 1006: none came.
   * @param reason The system's own word where the connection broke.
   */
  onClosed(code: number, reason: string | undefined): void;
}

/** What wires are set up with. */
export interface WireTools {
  readonly latency: EventLatency;
  readonly answers: ByteAccount;
  readonly pingMs: number;
  readonly maxEventBytes: number;
}

const UNSUPPORTED_DATA = 1003;

/** Reads nothing until it is resumed. Its owner closes it. */
export class SocketWire {
  readonly #ws: WebSocket;
  readonly #listener: WireListener;
  readonly #tools: WireTools;
  readonly #liveness: SocketLiveness;
  readonly #account: MessageAccount;
  /** The library's copies of what was sent, until the kernel has taken them. */
  readonly #outgoing: HeldAnswer;
  #unsentBytes = 0;
  /** What the system said last of the connection. */
  #errorCode: string | undefined;

  /** @param ws Paused. */
  constructor(ws: WebSocket, socket: Socket, listener: WireListener, tools: WireTools) {
    this.#ws = ws;
    this.#listener = listener;
    this.#tools = tools;
    this.#liveness = new SocketLiveness(ws, socket, tools.pingMs, performance.now());
    this.#account = new MessageAccount(tools.answers);
    this.#outgoing = new HeldAnswer(tools.answers);
    ws.on('message', (data, isBinary) => this.#onMessage(data as Buffer, isBinary));
    ws.on('ping', (data) => this.#account.control(data.length));
    ws.on('pong', (data) => this.#account.control(data.length));
    ws.on('error', (error) => this.#onFrameError(error));
    ws.on('close', (code) => {
      this.#account.close();
      this.#outgoing.close();
      listener.onClosed(code, this.#errorCode);
    });
    socket.on('error', ({ code }: NodeJS.ErrnoException) => (this.#errorCode = code));
    // before the library's own listener: what it makes of the bytes comes after this
    socket.prependListener('data', (chunk: Buffer) => this.#onRead(chunk.length));
  }

  /** Neither side has begun to close it. */
  get isOpen(): boolean {
    return this.#ws.readyState === WebSocket.OPEN;
  }

  /**
   * One text message, counted until the kernel has taken it: `full` where the process has no room for that.
   *
   * @param maxUnsentBytes Also `full` where more than so much would wait; the first that waits may be larger.
   */
  send(text: Buffer, maxUnsentBytes = Infinity): SendResult {
    if (!this.isOpen) return 'no';
    const bytes = this.#unsentBytes + text.length;
    if (this.#unsentBytes > 0 && bytes > maxUnsentBytes) return 'full';
    if (!this.#outgoing.keeps(bytes)) return 'full';
    this.#unsentBytes = bytes;
    this.#ws.send(text, { binary: false }, () => {
      this.#unsentBytes -= text.length;
      this.#outgoing.keeps(this.#unsentBytes);
    });
    return 'sent';
  }

  pause(): void {
    this.#ws.pause();
  }

  resume(): void {
    this.#ws.resume();
  }

  /** Sends a close frame; its answer has a second, then the connection is cut. */
  close(code: number): void {
    this.#ws.resume(); // or the answer is never read
    this.#ws.close(code);
  }

  terminate(): void {
    this.#ws.terminate();
  }

  /** False: nobody is at the other end any more. */
  beat(now: number): boolean {
    return this.#liveness.beat(now);
  }

  #onRead(bytes: number): void {
    this.#tools.latency.read();
    if (this.#account.read(bytes)) return;
    this.#listener.onBroken('no_room', NO_ROOM);
    this.#ws.terminate(); // to read on is what there is no room for
  }

  #onMessage(payload: Buffer, isBinary: boolean): void {
    this.#account.whole();
    if (isBinary) {
      this.#listener.onBroken('protocol_error', 'sent a binary message, which no event is');
      this.#ws.close(UNSUPPORTED_DATA);
    } else {
      this.#listener.onText(payload);
    }
  }

  /** The library sends the close frame that fits. */
  #onFrameError(error: Error): void {
    const complaint = frameComplaint(error, this.#tools.maxEventBytes);
    if (complaint !== undefined) this.#listener.onBroken('protocol_error', complaint);
  }
}
