/** The WebSocket connections that are open, for the page on the ops port. */
import type { ClientFact, ConnectionRecord } from '../../client/facts.ts';
import type { ClientKind, TurnFact, TurnRecord } from '../../turn/facts.ts';
import type { ConnectionRow, ConnectionsView } from './page-state.ts';
import type { HistoryClock } from './turn-history.ts';

/** Shown of each end where there are more: the oldest will be closed next, the newest tell who is coming. */
export const MAX_CONNECTIONS_OF_EACH_END = 50;

interface OpenConnection {
  readonly record: ConnectionRecord;
  readonly passedOn: ConnectionRow['passedOn'];
  running: number;
  waiting: number;
}

export class ConnectionBook {
  readonly #clock: HistoryClock;
  readonly #maxOfEachEnd: number;
  /** In the order of opening. As many as the bridge's own limit lets in. */
  readonly #open = new Map<string, OpenConnection>();
  /** Turns that have left their queue, of connections that are open. */
  readonly #started = new Set<TurnRecord>();
  readonly #byClient: Record<ClientKind, number> = { codex: 0, openai_sdk: 0, turnbridge: 0, other: 0 };
  #changes = 0;

  constructor(clock: HistoryClock, maxOfEachEnd = MAX_CONNECTIONS_OF_EACH_END) {
    this.#clock = clock;
    this.#maxOfEachEnd = maxOfEachEnd;
  }

  /** Counts up with every change of what {@link view} shows. */
  get changes(): number {
    return this.#changes;
  }

  hearClient(fact: ClientFact): void {
    if (fact.kind === 'connection.opened') this.#opened(fact.connection);
    else if (fact.kind === 'tunnel.opened')
      this.#opened(fact.tunnel, { provider: fact.tunnel.provider, path: fact.tunnel.path });
    else if (fact.kind === 'connection.closed') this.#closed(fact.connection);
    else if (fact.kind === 'tunnel.closed') this.#closed(fact.tunnel);
  }

  #opened(record: ConnectionRecord, passedOn?: ConnectionRow['passedOn']): void {
    this.#open.set(record.id, { record, passedOn, running: 0, waiting: 0 });
    this.#byClient[record.clientKind]++;
    this.#changes++;
  }

  #closed(record: ConnectionRecord): void {
    if (!this.#open.delete(record.id)) return;
    this.#byClient[record.clientKind]--;
    this.#changes++;
  }

  hearTurn(fact: TurnFact): void {
    if (fact.kind === 'turn.queued') this.#count(fact.turn, 0, 1);
    else if (fact.kind === 'turn.started') {
      this.#started.add(fact.turn);
      this.#count(fact.turn, 1, -1);
    } else if (fact.kind === 'turn.ended') {
      if (this.#started.delete(fact.turn)) this.#count(fact.turn, -1, 0);
      else this.#count(fact.turn, 0, -1);
    }
  }

  get view(): ConnectionsView {
    const rows: ConnectionRow[] = [];
    const offset = this.#clock.wallNow() - this.#clock.now();
    const firstOfNewest = this.#open.size - this.#maxOfEachEnd;
    let place = 0;
    for (const connection of this.#open.values()) {
      if (place < this.#maxOfEachEnd || place >= firstOfNewest) rows.push(toRow(connection, offset));
      place++;
    }
    return { open: this.#open.size, byClient: { ...this.#byClient }, rows };
  }

  /** Turns that came over HTTP belong to no connection here. */
  #count(turn: TurnRecord, running: number, waiting: number): void {
    const connection = this.#open.get(turn.connectionId);
    if (connection === undefined) return;
    connection.running += running;
    connection.waiting += waiting;
    this.#changes++;
  }
}

function toRow({ record, passedOn, running, waiting }: OpenConnection, offset: number): ConnectionRow {
  return {
    id: record.id,
    client: record.clientKind,
    group: record.group,
    openedAt: Math.round(record.openedAt + offset),
    turns: record.turns,
    running,
    waiting,
    passedOn,
  };
}
