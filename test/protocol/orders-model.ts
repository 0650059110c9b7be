/**
 * What a bridge must do, in few lines and without a socket: connections, their lanes, who runs, who waits, what each
 * client hears. It is told one thing at a time and says at once what follows from it.
 */

/** How the provider means to end an answer. */
export type Plan = 'complete' | 'long' | 'incomplete' | 'fail' | 'error' | 'reset' | 'cut' | 'refuse';

/** The ending that the client hears, when nobody interrupts. */
export const ENDINGS: Readonly<Record<Plan, string>> = {
  complete: 'completed',
  long: 'completed',
  incomplete: 'incomplete',
  fail: 'failed',
  error: 'failed',
  reset: 'failed',
  cut: 'failed',
  refuse: 'refused',
};

export const LIMITS = { maxTurnsInFlight: 2, maxQueuedTurns: 3, maxLanes: 2 } as const;

export interface ModelTurn {
  readonly label: string;
  readonly lane: string;
  readonly plan: Plan;
  readonly connection: ModelConnection;
  /** `opened`: the provider has the request. `begun`: it may go on to its end, and the client heard of a response. */
  state: 'rejected' | 'queued' | 'opened' | 'begun' | 'ended';
  /** Version of the routes with which it started. */
  version: number | undefined;
  /** Nobody listens any more: the provider must see that its request is closed. */
  isCancelled: boolean;
}

interface Lane {
  running: ModelTurn | undefined;
  readonly queue: ModelTurn[];
}

export interface ModelConnection {
  /** `left`: by its client. `dismissed`: with 1012. */
  state: 'open' | 'retiring' | 'left' | 'dismissed';
  /** All that its client has heard, as `LABEL created`, `LABEL completed`, … or the code of a refusal. */
  readonly heard: string[];
  readonly lanes: Map<string, Lane>;
  readonly ready: Lane[];
}

export class Model {
  readonly connections: ModelConnection[] = [];
  readonly turns: ModelTurn[] = [];
  version = 1;
  isDraining = false;

  get isOver(): boolean {
    return this.isDraining && !this.connections.some(isHere);
  }

  /** Turns that the provider works on. */
  get running(): ModelTurn[] {
    return this.turns.filter(({ state }) => state === 'opened' || state === 'begun');
  }

  open(): void {
    this.connections.push({ state: 'open', heard: [], lanes: new Map(), ready: [] });
  }

  create(connection: ModelConnection, lane: string, plan: Plan): ModelTurn {
    const label = `t${this.turns.length + 1}`;
    const turn: ModelTurn = {
      label,
      lane,
      plan,
      connection,
      state: 'queued',
      version: undefined,
      isCancelled: false,
    };
    this.turns.push(turn);
    const refused = refusalOf(connection, lane);
    if (refused !== undefined) {
      turn.state = 'rejected';
      connection.heard.push(refused);
      return turn;
    }
    const its = connection.lanes.get(lane) ?? { running: undefined, queue: [] };
    connection.lanes.set(lane, its);
    its.queue.push(turn);
    if (its.running === undefined && its.queue.length === 1) connection.ready.push(its);
    this.#start(connection);
    return turn;
  }

  begin(turn: ModelTurn): void {
    if (turn.state !== 'opened') return;
    turn.state = 'begun';
    if (turn.plan !== 'refuse') turn.connection.heard.push(`${turn.label} created`);
  }

  finish(turn: ModelTurn): void {
    if (turn.state === 'begun') this.#end(turn, ENDINGS[turn.plan]);
  }

  /** Only a response that has begun can be interrupted; anything else is late, or early, and ignored. */
  interrupt(turn: ModelTurn): void {
    if (turn.state !== 'begun' || turn.plan === 'refuse') return;
    turn.isCancelled = true;
    this.#end(turn, 'interrupted');
  }

  leave(connection: ModelConnection): void {
    connection.state = 'left';
    connection.ready.length = 0;
    for (const turn of this.turns) {
      if (turn.connection !== connection || turn.state === 'ended' || turn.state === 'rejected') continue;
      turn.isCancelled = turn.state !== 'queued';
      turn.state = 'ended';
    }
  }

  drain(): void {
    this.isDraining = true;
    for (const connection of this.connections) {
      if (connection.state !== 'open') continue;
      connection.state = 'retiring';
      dismissIfIdle(connection);
    }
  }

  #end(turn: ModelTurn, ending: string): void {
    const { connection } = turn;
    turn.state = 'ended';
    connection.heard.push(`${turn.label} ${ending}`);
    const lane = connection.lanes.get(turn.lane)!;
    lane.running = undefined;
    if (lane.queue.length > 0) connection.ready.push(lane);
    this.#start(connection);
    dismissIfIdle(connection);
  }

  #start(connection: ModelConnection): void {
    while (runningOn(connection) < LIMITS.maxTurnsInFlight) {
      const lane = connection.ready.shift();
      const turn = lane?.queue.shift();
      if (lane === undefined || turn === undefined) return;
      lane.running = turn;
      turn.state = 'opened';
      turn.version = this.version;
    }
  }
}

/** The client's socket is open. */
export function isHere({ state }: ModelConnection): boolean {
  return state === 'open' || state === 'retiring';
}

function runningOn({ lanes }: ModelConnection): number {
  return [...lanes.values()].filter(({ running }) => running !== undefined).length;
}

function queuedOn({ lanes }: ModelConnection): number {
  return [...lanes.values()].reduce((sum, { queue }) => sum + queue.length, 0);
}

function dismissIfIdle(connection: ModelConnection): void {
  const isIdle = runningOn(connection) + queuedOn(connection) === 0;
  if (connection.state === 'retiring' && isIdle) connection.state = 'dismissed';
}

function refusalOf(connection: ModelConnection, lane: string): string | undefined {
  if (connection.state === 'retiring') return 'websocket_connection_limit_reached';
  const named = [...connection.lanes.keys()].filter((name) => name !== '');
  if (lane !== '' && !named.includes(lane) && named.length >= LIMITS.maxLanes)
    return 'websocket_stream_limit_reached';
  return queuedOn(connection) >= LIMITS.maxQueuedTurns ? 'queue_full' : undefined;
}
