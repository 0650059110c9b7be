/** The responses that a scripted provider can go on from: what was stored, and what each lane of a socket holds. */
import { isObject } from './request-view.ts';
import type { JsonObject } from './script.ts';

/** A whole conversation: every input item and every output item so far. */
export type Conversation = readonly JsonObject[];

/** Enough for tests and demonstrations; a provider that runs for days must not grow. */
const maxStored = 1000;

/** Responses that were asked for with `store: true`, by id; the oldest are forgotten first. */
export class ResponseStore {
  private readonly stored = new Map<string, Conversation>();

  put(ids: readonly string[], conversation: Conversation): void {
    for (const id of ids) {
      this.stored.delete(id);
      this.stored.set(id, conversation);
    }
    for (const oldest of this.stored.keys()) {
      if (this.stored.size <= maxStored) break;
      this.stored.delete(oldest);
    }
  }

  get(id: string): Conversation | undefined {
    return this.stored.get(id);
  }
}

/** What a socket holds: of each lane the latest response, and nothing older. */
export class LaneMemory {
  private readonly latest = new Map<
    string | undefined,
    { ids: readonly string[]; conversation: Conversation }
  >();

  put(lane: string | undefined, ids: readonly string[], conversation: Conversation): void {
    this.latest.set(lane, { ids, conversation });
  }

  /** A response of any lane: going on from another lane's is a fork. */
  get(id: string): Conversation | undefined {
    for (const held of this.latest.values()) if (held.ids.includes(id)) return held.conversation;
    return undefined;
  }

  /** A failed continuation takes the response it went on from along, when that was its own lane's. */
  evict(lane: string | undefined, id: string): void {
    if (this.latest.get(lane)?.ids.includes(id) === true) this.latest.delete(lane);
  }
}

/** Follows one response's events: how it ended, under which ids, and with which output. */
export class ResponseWatch {
  private readonly ids = new Set<string>();
  private readonly done: JsonObject[] = [];
  private end: JsonObject | undefined;

  constructor(responseId: string) {
    this.ids.add(responseId);
  }

  see(event: JsonObject): void {
    const { type, response, item } = event;
    if (isObject(response) && typeof response['id'] === 'string') this.ids.add(response['id']);
    if (type === 'response.output_item.done' && isObject(item)) this.done.push(item);
    if (type !== undefined && endings.has(type)) this.end ??= event;
  }

  get allIds(): readonly string[] {
    return [...this.ids];
  }

  /** Undefined while it runs, and for what ended without saying so. */
  get outcome(): 'held' | 'failed' | undefined {
    const type = this.end?.['type'];
    if (type === undefined) return undefined;
    return type === 'error' || type === 'response.failed' ? 'failed' : 'held';
  }

  /** The terminal event's output, or the items that were done where it has none. */
  get output(): Conversation {
    const response = this.end?.['response'];
    const whole = isObject(response) && Array.isArray(response['output']) ? response['output'] : [];
    return whole.length > 0 ? whole.filter(isObject) : this.done;
  }

  /** Tool calls that wait for their output. */
  get calls(): readonly JsonObject[] {
    return this.output.filter((item) => String(item['type']).endsWith('_call'));
  }
}

const endings: ReadonlySet<unknown> = new Set([
  'response.completed',
  'response.incomplete',
  'response.failed',
  'response.done',
  'error',
]);
