/** The connections that are open: welcomed after the 101, judged again when routes change, sent home in a drain. */
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { CloseCode } from '../frames/close-codes.ts';
import { admit, type AdmissionContext, type Admitted } from './admission.ts';
import { groupKeyOf, type Place } from './admission-counts.ts';
import { Connection } from './connection.ts';
import type { ConnectionTools } from './connection-tools.ts';
import type { Heartbeat } from './heartbeat.ts';
import { toHandshakeRecord } from './handshake-record.ts';
import { newClient } from './new-client.ts';
import { speaksCodexDialect, type RequestHead } from './request-head.ts';

/** A connection, and what it takes to judge it again. */
interface Guest {
  readonly connection: Connection;
  readonly head: RequestHead;
  readonly seat: Seat;
}

/** A request that was let in, before its 101. */
export interface Arrival {
  readonly head: RequestHead;
  readonly admitted: Admitted;
  readonly place: Place;
  /** When its head was there; as TurnRecord's times. */
  readonly startedAt: number;
}

/** What admission says of a connection now; replaced when routes change. */
interface Seat {
  admitted: Admitted;
}

/** Measured with 50 keys and 20 groups: 7 µs each, so a batch holds the loop for 3.5 ms, and 20,000 would for 150. */
const JUDGED_AT_A_TIME = 500;

export class Guests {
  readonly #tools: ConnectionTools;
  readonly #heartbeat: Heartbeat;
  readonly #onLeft: () => void;
  readonly #guests = new Set<Guest>();
  #round = 0;

  /** @param onLeft A connection is closed and gone from here. */
  constructor(tools: ConnectionTools, heartbeat: Heartbeat, onLeft: () => void) {
    this.#tools = tools;
    this.#heartbeat = heartbeat;
    this.#onLeft = onLeft;
  }

  get size(): number {
    return this.#guests.size;
  }

  /** Bytes of requests that wait in lanes. */
  get queuedBytes(): number {
    let sum = 0;
    for (const { connection } of this.#guests) sum += connection.queuedBytes;
    return sum;
  }

  /** Takes over a socket after its 101, and the place it has. */
  welcome(ws: WebSocket, socket: Socket, arrival: Arrival): void {
    const { head, admitted, place, startedAt } = arrival;
    const handshake = {
      via: 'websocket' as const,
      startedAt,
      head,
      address: socket.remoteAddress,
      group: admitted.group,
    };
    const client = newClient(head, admitted, 'websocket');
    const seat: Seat = { admitted };
    this.#tools.facts({
      kind: 'handshake',
      handshake: toHandshakeRecord(
        { ...handshake, connectionId: client.connectionId, tenant: client.tenant },
        'accepted',
        101,
        this.#tools.settings.clientAddress,
      ),
    });
    const connection = new Connection({
      tools: this.#tools,
      ws,
      socket,
      client,
      record: {
        id: client.connectionId,
        trace: undefined,
        clientKind: client.kind,
        tenant: client.tenant,
        group: groupKeyOf(admitted.group),
        openedAt: performance.now(),
        turns: 0,
        framesIn: 0,
        bytesIn: 0,
        bytesOut: 0,
        closedAt: undefined,
        closeCode: undefined,
        closeInitiator: undefined,
        closeReason: undefined,
      },
      group: () => seat.admitted.group,
      isCodexDialect: speaksCodexDialect(head),
      onClosed: () => {
        this.#guests.delete(guest);
        this.#heartbeat.delete(connection);
        place.leave();
        this.#onLeft();
      },
    });
    const guest: Guest = { connection, head, seat };
    this.#guests.add(guest);
    this.#heartbeat.add(connection);
  }

  /**
   * Judges every connection by the routes of now. Turns keep what they started with; a connection whose key or route
   * is gone closes after its running turn. Streams go on between batches; a later call takes over from this one.
   */
  async admitAgain(context: AdmissionContext): Promise<void> {
    const round = ++this.#round;
    let judged = 0;
    for (const guest of Array.from(this.#guests)) {
      try {
        judge(guest, context);
      } catch (error) {
        this.#tools.facts({ kind: 'bridge.mistake', error });
      }
      judged++;
      if (judged % JUDGED_AT_A_TIME !== 0) continue;
      // oxlint-disable-next-line no-await-in-loop -- letting others run in between is the point
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (round !== this.#round) return;
    }
  }

  /** Closes idle connections at random moments of `spreadMs`, busy ones after their turn. */
  drain(spreadMs: number): void {
    for (const { connection } of this.#guests) {
      const retire = (): void => connection.retire(CloseCode.serviceRestart, 'service restart');
      if (connection.isBusy) retire();
      else setTimeout(retire, Math.random() * spreadMs).unref(); // late ones find it closed already
    }
  }

  /** Ends every turn and connection now, with a word to each. */
  cut(): void {
    for (const { connection } of this.#guests) connection.cut();
  }

  /** Drops every connection without a word. */
  terminate(): void {
    for (const { connection } of this.#guests) connection.terminate();
  }
}

function judge({ connection, head, seat }: Guest, context: AdmissionContext): void {
  const again = admit(head, true, context);
  if (again.kind === 'admitted' && again.identity.tenant === seat.admitted.identity.tenant) {
    seat.admitted = again;
  } else if (again.kind === 'refused' && again.result !== 'unauthorized') {
    connection.retire(CloseCode.serviceRestart, 'route removed');
  } else {
    connection.revoke();
  }
}
