/** The real thing beside the model: a bridge, a provider whose every step is a gate, and clients. */
import { gate, type Gate } from '../harness/fake-provider.ts';
import type { RouteWishes } from '../harness/bridge.ts';
import { UpgradeRefused, type Closing, type TestClient } from '../harness/connect.ts';
import { until, within } from '../harness/wait-for.ts';
import type { Command } from './orders-commands.ts';
import { LIMITS, type ModelConnection, type ModelTurn, type Plan } from './orders-model.ts';
import { openScene, responseOf, type JsonObject, type Scene } from './scene.ts';
import type { RecordedRequest } from '../../src/scripted/recorded-request.ts';
import type { Answer, Step } from '../../src/scripted/script.ts';

/** A client, and what became of it. */
export interface RealConnection {
  readonly client: TestClient;
  /** Requests that it has sent. */
  creates: number;
  isDeaf: boolean;
  /** One of its answers has ended since it listens no more. */
  hasEndedUnheard: boolean;
  closing: Closing | undefined;
}

/** A request that the provider got, and what became of it. */
export interface RealRequest {
  readonly label: string;
  readonly version: number;
  end: 'finished' | 'client-closed' | 'broken' | undefined;
}

interface Gates {
  readonly plan: Plan;
  readonly begin: Gate;
  readonly end: Gate;
}

const LONG_TEXT = { text: 'x'.repeat(4_000), repeat: 60 };

const STEPS: Readonly<Record<Exclude<Plan, 'refuse'>, readonly Step[]>> = {
  complete: [{ text: 'done' }],
  long: [LONG_TEXT],
  incomplete: [{ text: 'half' }, { incomplete: 'max_output_tokens' }],
  fail: [{ fail: { code: 'server_error', message: 'failed' } }],
  error: [{ error: { code: 'server_error', message: 'broken' } }],
  reset: [{ reset: true }],
  cut: [{ text: 'half', unfinished: true }, { end: true }],
};

function answerFor(label: string, { plan, begin, end }: Gates): Answer {
  const waits = [{ until: begin.promise }, { until: end.promise }];
  if (plan === 'refuse') {
    const error = { message: `no ${label}`, type: 'server_error', code: 'refused' };
    return { steps: waits, status: { code: 500, body: { error } } };
  }
  return { responseId: label, steps: [waits[0]!, { begin: true }, waits[1]!, ...STEPS[plan]] };
}

export class World implements AsyncDisposable {
  readonly scene: Scene;
  readonly connections = new Map<ModelConnection, RealConnection>();
  readonly requests: RealRequest[] = [];
  /** Labels of turns whose client has asked for their end. */
  readonly interrupted = new Set<string>();
  readonly #gates: Map<string, Gates>;
  #drained: Promise<void> | undefined;
  /** The drain is over; the bridge has ended, and reads its routes no more. */
  #hasDrained = false;
  #reloads = 0;

  private constructor(scene: Scene, gates: Map<string, Gates>) {
    this.scene = scene;
    this.#gates = gates;
  }

  static async open(): Promise<World> {
    const gates = new Map<string, Gates>();
    const told = (request: RecordedRequest): Answer => {
      const label = String(request.body.model);
      const real: RealRequest = { label, version: Number(request.headers['x-version']), end: undefined };
      world.requests.push(real);
      void request.closed.then(({ how }) => (real.end = how));
      return answerFor(label, gates.get(label)!);
    };
    const scene = await openScene({
      script: told,
      route: routeOf(1),
      settings: { flow: { maxUnsentBytes: 65_536, maxStallMs: 30_000 } },
    });
    const world = new World(scene, gates);
    return world;
  }

  get isDraining(): boolean {
    return this.#drained !== undefined;
  }

  /**
   * Does it. Resolves when it was done, not when it had its effect: but an upgrade, a reload and a drain are over
   * when they resolve.
   * @param turn The model's, for `create`.
   * @param newest The model's, for `open`.
   */
  async play(command: Command, turn: ModelTurn | undefined, newest: ModelConnection): Promise<void> {
    switch (command.do) {
      case 'open':
        return this.#open(newest);
      case 'drain':
        return this.#drain();
      case 'reload':
        return this.#reload();
      case 'create':
        return this.#create(turn!);
      case 'begin':
        return this.#gates.get(command.turn.label)!.begin.open();
      case 'finish':
        return this.#gates.get(command.turn.label)!.end.open();
      case 'interrupt':
        return this.#interrupt(command.turn);
      case 'leave':
        return leave(this.#of(command.connection), command.how);
      case 'deaf': {
        const connection = this.#of(command.connection);
        if (connection.isDeaf || this.isDraining) return hear(connection);
        connection.isDeaf = true;
        return connection.client.stopReading();
      }
    }
  }

  /**
   * Resolves when the bridge has read all that this client has sent: it has answered what came last, or has closed over
   * it, as it does when the last turn of a connection that is to leave was interrupted.
   */
  async beRead(connection: ModelConnection): Promise<void> {
    const real = this.#of(connection);
    const { client } = real;
    const pongs = client.pongs;
    client.ping();
    await until(() => client.pongs > pongs || real.closing !== undefined, 'the pong or the close');
  }

  /** Every answer may go to its end, and everybody listens. */
  letGo(): void {
    for (const { begin, end } of this.#gates.values()) {
      begin.open();
      end.open();
    }
    this.hearAll();
  }

  hearAll(): void {
    for (const connection of this.connections.values()) hear(connection);
  }

  /** A drain to its end; or an end at once, of which everybody is told. */
  async end(how: 'drained' | 'cut'): Promise<void> {
    if (how === 'cut') return within(this.scene.bridge.bridge.close(), 'the end of the bridge');
    this.#drained ??= this.scene.bridge.drain();
    await within(this.#drained, 'the end of the drain');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.letGo();
    await this.scene[Symbol.asyncDispose]();
  }

  #of(connection: ModelConnection): RealConnection {
    return this.connections.get(connection)!;
  }

  async #open(connection: ModelConnection): Promise<void> {
    const client = await this.scene.connect();
    const real: RealConnection = {
      client,
      creates: 0,
      isDeaf: false,
      hasEndedUnheard: false,
      closing: undefined,
    };
    this.connections.set(connection, real);
    void client.closed.then((closing) => (real.closing = closing));
  }

  #create({ label, lane, plan, connection }: ModelTurn): void {
    this.#gates.set(label, { plan, begin: gate(), end: gate() });
    const real = this.#of(connection);
    real.creates++;
    real.client.create({ model: label, ...(lane !== '' && { stream_id: lane }) });
  }

  #interrupt({ label, connection }: ModelTurn): void {
    this.interrupted.add(label);
    this.#of(connection).client.send({ type: 'response.interrupt', response_id: label });
  }

  async #reload(): Promise<void> {
    this.#reloads++;
    await this.scene.changeRoute(routeOf(1 + this.#reloads));
    const { bridge } = this.scene;
    const reloads = (): number => bridge.logs().filter(({ event }) => event === 'config.reload').length;
    await until(() => reloads() >= this.#reloads || this.#hasDrained, 'the reload, or the end of the drain');
  }

  /** A drain whose upgrades are refused has begun for everybody. */
  async #drain(): Promise<void> {
    this.hearAll();
    this.#drained = this.scene.bridge.drain().finally(() => (this.#hasDrained = true));
    await until(async () => {
      const outcome: unknown = await this.scene.connect().catch((error: unknown) => error);
      return outcome instanceof UpgradeRefused || isUnreachable(outcome);
    }, 'upgrades to be refused');
  }
}

function isUnreachable(outcome: unknown): boolean {
  return (
    (outcome as { code?: unknown }).code === 'ECONNREFUSED' ||
    (outcome as { code?: unknown }).code === 'ECONNRESET'
  );
}

function routeOf(version: number): RouteWishes {
  return { limits: LIMITS, provider: { headers: { set: [{ name: 'x-version', value: String(version) }] } } };
}

function hear(connection: RealConnection): void {
  if (!connection.isDeaf) return;
  connection.isDeaf = false;
  connection.hasEndedUnheard = false;
  connection.client.startReading();
}

function leave(connection: RealConnection, how: 'close' | 'drop' | 'reset'): void {
  const { client } = connection;
  if (how === 'drop') client.terminate();
  else if (how === 'reset') client.reset();
  else {
    hear(connection);
    void client.close();
  }
}

/** What a client has heard, in the model's words; what lies between the beginning and the end of a turn is left out. */
export function wordsOf(events: readonly (JsonObject | undefined)[]): string[] {
  return events.flatMap((event) => wordsFor(event ?? {}));
}

export function heardBy({ client }: RealConnection): string[] {
  return wordsOf(client.frames.map(({ json }) => json));
}

function wordsFor(event: JsonObject): string[] {
  const response = responseOf(event);
  const label = String(response['id']);
  switch (event['type']) {
    case 'response.created':
      return [`${label} created`];
    case 'response.completed':
      return [`${label} completed`];
    case 'response.failed':
      return [`${label} failed`];
    case 'response.incomplete': {
      const reason = (response['incomplete_details'] as JsonObject)['reason'];
      return [`${label} ${reason === 'interrupted' ? 'interrupted' : 'incomplete'}`];
    }
    case 'error': {
      const { code, message } = event['error'] as { code: string; message: string };
      return [code === 'refused' ? `${message.replace('no ', '')} refused` : code];
    }
    default:
      return [];
  }
}

/** The lane that an event names. */
export function laneOf(event: JsonObject): string {
  return typeof event['stream_id'] === 'string' ? event['stream_id'] : '';
}
