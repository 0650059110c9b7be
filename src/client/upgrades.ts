/** What becomes of an upgrade: a connection with turns, one that is passed on to a provider, or a refusal. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { ErrorAnswer } from '../frames/errors.ts';
import { admit, type AdmissionContext } from './admission.ts';
import type { AdmissionCounts } from './admission-counts.ts';
import type { ConnectionTools } from './connection-tools.ts';
import type { HandshakeResult } from './facts.ts';
import type { Arrival, Guests } from './guests.ts';
import type { HandshakeSource } from './handshake-record.ts';
import { limitReached } from './listener-answers.ts';
import { refuseUpgrade } from './raw-answer.ts';
import { readRequestHead, type RequestHead } from './request-head.ts';
import { ambiguityOf } from './request-shape.ts';
import { chooseSubprotocol, parseProtocols } from './subprotocol.ts';
import { TunnelUpgrades } from './tunnel-upgrades.ts';
import { toMaxReceivedBytes, UpgradeDoors } from './upgrade-doors.ts';

export interface UpgradesParts {
  readonly tools: ConnectionTools;
  readonly counts: AdmissionCounts;
  readonly guests: Guests;
  /** What admission goes by at this moment. */
  readonly context: () => AdmissionContext;
  readonly announceRefusal: (
    source: Omit<HandshakeSource, 'group'>,
    result: HandshakeResult,
    answer: ErrorAnswer,
  ) => void;
  /** An upgrade that had to wait for a provider waits no more. */
  readonly onLeft: () => void;
}

export class Upgrades {
  readonly #parts: UpgradesParts;
  readonly #doors = new UpgradeDoors();
  readonly #tunnels: TunnelUpgrades;

  constructor(parts: UpgradesParts) {
    this.#parts = parts;
    this.#tunnels = new TunnelUpgrades({ ...parts, doors: this.#doors });
  }

  /** Upgrades that wait for a provider. */
  get size(): number {
    return this.#tunnels.size;
  }

  /** Refuses those that wait: the process leaves. */
  cut(): void {
    this.#tunnels.cut();
  }

  /** Answers an upgrade. @param firstBytes What came behind the request's head. */
  take(request: IncomingMessage, socket: Socket, firstBytes: Buffer): void {
    const { counts, context } = this.#parts;
    const startedAt = performance.now();
    const refuse = this.#refusing(socket, startedAt);
    const ambiguity = ambiguityOf(request);
    if (ambiguity !== undefined) return refuse('bad_request', ambiguity);
    const head = readRequestHead(request);
    const admitted = admit(head, true, context());
    if (admitted.kind === 'refused') return refuse(admitted.result, admitted.answer, head);
    const place = counts.enter(admitted.group, admitted.identity.countKey);
    if (typeof place === 'string') return refuse('limited', limitReached(place, admitted), head);
    const onGone = (): void => place.leave();
    socket.once('close', onGone); // also when the library refuses the handshake
    const arrival = { head, admitted, place, startedAt, onSeated: () => void socket.off('close', onGone) };
    if (admitted.rest === '/responses') return this.#open(request, socket, firstBytes, arrival);
    this.#tunnels.open({
      ...arrival,
      request,
      socket,
      firstBytes,
      refuse: (result, answer, path, failed) => refuse(result, answer, head, { path, failed }),
    });
  }

  #refusing(socket: Socket, startedAt: number) {
    return (
      result: HandshakeResult,
      answer: ErrorAnswer,
      head?: RequestHead,
      where: Pick<HandshakeSource, 'path' | 'failed'> = {},
    ): void => {
      const source = { via: 'websocket' as const, startedAt, address: socket.remoteAddress, head, ...where };
      this.#parts.announceRefusal(source, result, answer);
      refuseUpgrade(socket, answer);
    };
  }

  #open(request: IncomingMessage, socket: Socket, firstBytes: Buffer, arrival: Arrival): void {
    const { guests } = this.#parts;
    const { head, admitted } = arrival;
    const choice = chooseSubprotocol(parseProtocols(head.headers['sec-websocket-protocol']));
    const welcome = {
      maxReceivedBytes: toMaxReceivedBytes(admitted.group.limits.maxMessageBytes),
      answersPings: true,
      protocol: choice.kind === 'selected' ? choice.name : undefined,
      headers: guests.windowFor(admitted),
    };
    this.#doors.open(request, socket, firstBytes, welcome, (ws) => guests.welcome(ws, socket, arrival));
  }
}
