/** The WebSockets of a scripted provider: what is open, and what a test may do to all of them at once. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { ControlFrame } from './recorded-request.ts';
import { echo } from './realtime-echo.ts';
import { ResponsesSocket } from './responses-socket.ts';
import type { SocketHost } from './responses-socket.ts';
import { SocketWire } from './socket-wire.ts';
import { UpgradeDoor } from './upgrade-door.ts';
import type { Handshake } from './upgrade-door.ts';
import type { WebSocketSettings } from './websocket-settings.ts';

/** Tests look at the last ones only. */
const maxControlFrames = 1000;

/** What the WebSockets ask of the provider they belong to. */
export interface SideHost extends Omit<SocketHost, 'record' | 'recordControl'> {
  /** Undefined: WebSockets are off. */
  settings(): WebSocketSettings | undefined;
  socketId(tcp: Socket): number;
  answered(handshake: Handshake): void;
  record(frame: Parameters<SocketHost['record']>[0], handshake: Handshake): ReturnType<SocketHost['record']>;
}

/** Owns every WebSocket, and every connection that wants to become one. */
export class WebSocketSide {
  readonly controlFrames: ControlFrame[] = [];
  private readonly host: SideHost;
  private readonly door: UpgradeDoor;
  private readonly wires = new Set<SocketWire>();
  private opened = 0;

  constructor(host: SideHost) {
    this.host = host;
    this.door = new UpgradeDoor({
      settings: () => host.settings(),
      socketId: (tcp) => host.socketId(tcp),
      answered: (handshake) => host.answered(handshake),
      accepted: (socket, tcp, handshake, settings) => this.accepted(socket, tcp, handshake, settings),
    });
  }

  get upgrades(): number {
    return this.door.upgrades;
  }

  get handshakes(): readonly Handshake[] {
    return this.door.handshakes;
  }

  /** So far. */
  get sockets(): number {
    return this.opened;
  }

  get openSockets(): number {
    return this.wires.size;
  }

  /** Answers an upgrade. Never rejects. */
  take(incoming: IncomingMessage, tcp: Socket, head: Buffer): Promise<void> {
    return this.door.take(incoming, tcp, head);
  }

  /** Does something to every WebSocket that is open. */
  each(what: (wire: SocketWire) => void): void {
    for (const wire of this.wires) what(wire);
  }

  close(): void {
    this.door.close();
  }

  private accepted(socket: WebSocket, tcp: Socket, handshake: Handshake, settings: WebSocketSettings): void {
    this.opened += 1;
    const wire = new SocketWire(socket, tcp, handshake, settings);
    this.wires.add(wire);
    wire.onClose(() => this.wires.delete(wire));
    if (wire.path.split('?', 1)[0]?.endsWith('/realtime') === true) {
      echo(wire, settings.greeting);
      return;
    }
    const { host } = this;
    // Nothing here is held by more than the socket itself.
    new ResponsesSocket(wire, settings, {
      store: host.store,
      isStored: (body) => host.isStored(body),
      sent: (request, text) => host.sent(request, text),
      nextNumber: () => host.nextNumber(),
      answerTo: (request) => host.answerTo(request),
      factsOf: (request, answer) => host.factsOf(request, answer),
      record: (frame) => host.record(frame, handshake),
      recordControl: (frame) => {
        this.controlFrames.push(frame);
        if (this.controlFrames.length > maxControlFrames) this.controlFrames.shift();
      },
    }).listen();
  }
}
