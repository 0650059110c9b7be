/** The connections that are open: welcomed after the 101, judged again when routes change, sent home in a drain. */
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { CloseCode } from '../frames/close-codes.ts';
import type { Tunnel } from '../provider/tunnel.ts';
import type { TurnClient } from '../turn/turn-client.ts';
import { admit, type AdmissionContext, type Admitted } from './admission.ts';
import { groupKeyOf, type Place } from './admission-counts.ts';
import { Connection } from './connection.ts';
import type { ConnectionTools } from './connection-tools.ts';
import type { ConnectionRecord } from './facts.ts';
import type { Guest } from './guest.ts';
import type { Heartbeat } from './heartbeat.ts';
import { toHandshakeRecord } from './handshake-record.ts';
import { newClient } from './new-client.ts';
import { RateLimitWindows, windowKeyOf } from './rate-limit-windows.ts';
import { speaksCodexDialect, type RequestHead } from './request-head.ts';
import { TunnelConnection } from './tunnel-connection.ts';
import { isPassedOn, type TunnelTarget } from './tunnel-target.ts';

/** A connection, and what it takes to judge it again. */
interface Seated {
  readonly connection: Guest;
  readonly head: RequestHead;
  readonly seat: Seat;
}

/** A request that was let in, before its 101. */
export interface Arrival {
  readonly head: RequestHead;
  readonly admitted: Admitted;
  readonly place: Place;
  /** It has become a connection whose place is given back when that is over, and no sooner because its socket is gone. */
  readonly onSeated: () => void;
  /** When its head was there; as TurnRecord's times. */
  readonly startedAt: number;
}

/** What admission says of a connection now; replaced when routes change. */
interface Seat {
  admitted: Admitted;
  /** The route that passes it on; undefined for one whose turns each choose their own. */
  readonly passedOnBy?: string;
}

/** Measured with 50 keys and 20 groups: 7 µs each, so a batch holds the loop for 3.5 ms, and 20,000 would for 150. */
const JUDGED_AT_A_TIME = 500;

export class Guests {
  readonly #tools: ConnectionTools;
  readonly #heartbeat: Heartbeat;
  readonly #onLeft: () => void;
  readonly #windows: RateLimitWindows;
  readonly #guests = new Set<Seated>();
  #round = 0;

  /** @param onLeft A connection is closed and gone from here. */
  constructor(tools: ConnectionTools, heartbeat: Heartbeat, onLeft: () => void) {
    this.#tools = tools;
    this.#heartbeat = heartbeat;
    this.#onLeft = onLeft;
    this.#windows = new RateLimitWindows(tools.turnTools.clock);
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
    const { head, admitted } = arrival;
    const client = newClient(head, admitted, 'websocket');
    const seat: Seat = { admitted };
    this.#seat(arrival, seat, (onClosed) => {
      this.#announce(socket, arrival, client);
      return new Connection({
        tools: this.#tools,
        ws,
        socket,
        client,
        record: newRecord(client, admitted),
        group: () => seat.admitted.group,
        isCodexDialect: speaksCodexDialect(head),
        onAnswered: this.noting(admitted),
        onClosed,
      });
    });
  }

  /** The same for one that is passed on to a provider. */
  welcomeTunnel(
    ws: WebSocket,
    socket: Socket,
    arrival: Arrival,
    tunnel: Tunnel,
    { route, provider, pattern }: TunnelTarget,
  ): void {
    const { head, admitted, onSeated } = arrival;
    const client = newClient(head, admitted, 'websocket');
    onSeated(); // a client that is gone leaves its provider's end behind, for as long as that takes to close
    this.#seat(arrival, { admitted, passedOnBy: route.id }, (onClosed) => {
      this.#announce(socket, arrival, client, pattern);
      return new TunnelConnection({
        tools: this.#tools,
        ws,
        socket,
        tunnel,
        record: {
          ...newRecord(client, admitted),
          route: route.id,
          provider: provider.name,
          path: pattern,
          framesOut: 0,
          endedBy: undefined,
          providerCloseCode: undefined,
        },
        limits: admitted.group.limits,
        onClosed,
      });
    });
  }

  /** Who listens to the headers of a provider's answer for what they say of this client's limits. */
  noting(admitted: Admitted): (headers: Readonly<Record<string, string>>) => void {
    const ofClient = windowKeyOf(admitted);
    return (headers) => {
      if (ofClient !== undefined) this.#windows.note(ofClient, headers);
    };
  }

  /** What providers last said of this client's limits: headers for its 101. */
  windowFor(admitted: Admitted): Readonly<Record<string, string>> {
    const ofClient = windowKeyOf(admitted);
    return ofClient === undefined ? {} : this.#windows.headersFor(ofClient);
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

  #seat({ head, place }: Arrival, seat: Seat, open: (onClosed: () => void) => Guest): void {
    const connection = open(() => {
      this.#guests.delete(seated);
      this.#heartbeat.delete(connection);
      place.leave();
      this.#onLeft();
    });
    const seated: Seated = { connection, head, seat };
    this.#guests.add(seated);
    this.#heartbeat.add(connection);
  }

  #announce(socket: Socket, { head, admitted, startedAt }: Arrival, client: TurnClient, path?: string): void {
    const { connectionId, tenant } = client;
    const { group } = admitted;
    const address = socket.remoteAddress;
    const source = { via: 'websocket' as const, startedAt, head, address, group, path, connectionId, tenant };
    this.#tools.facts({
      kind: 'handshake',
      handshake: toHandshakeRecord(source, 'accepted', 101, this.#tools.settings.clientAddress),
    });
  }
}

function newRecord(client: TurnClient, { group }: Admitted): ConnectionRecord {
  return {
    id: client.connectionId,
    trace: undefined,
    clientKind: client.kind,
    tenant: client.tenant,
    group: groupKeyOf(group),
    openedAt: performance.now(),
    turns: 0,
    framesIn: 0,
    bytesIn: 0,
    bytesOut: 0,
    closedAt: undefined,
    closeCode: undefined,
    closeInitiator: undefined,
    closeReason: undefined,
  };
}

function judge({ connection, head, seat }: Seated, context: AdmissionContext): void {
  const again = admit(head, true, context);
  if (again.kind === 'refused') {
    if (again.result === 'unauthorized') connection.revoke();
    else connection.retire(CloseCode.serviceRestart, 'route removed');
  } else if (again.identity.tenant !== seat.admitted.identity.tenant) {
    connection.revoke();
  } else {
    seat.admitted = again;
    const { passedOnBy } = seat;
    // that another route of the group lists the path is nothing to a tunnel of this one
    if (passedOnBy !== undefined && !isPassedOn(again.group, passedOnBy, again.rest)) {
      connection.retire(CloseCode.serviceRestart, 'route removed');
    }
  }
}
