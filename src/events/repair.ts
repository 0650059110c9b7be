/**
 * Makes the stream of a provider that only resembles the Responses API one that clients understand: the rules for
 * the dialect `Compatible`. Every event is parsed; those that need nothing pass with the bytes they came with.
 *
 * What is mended: missing sequence numbers; a missing `response.created`; `response.done` for `completed`; items
 * without `output_item.added` or `.done`; an empty `output` in `response.completed`; a malformed `usage`; a
 * response id that changes on the way; errors without a `type`; heartbeats of vendors' own making. What is beyond
 * mending and dropped: payloads that are not JSON objects, and everything after the terminal event.
 */
import { type EventType, eventTypeNamed, OTHER_EVENT } from './event-type.ts';
import {
  hasTooManyPieces,
  isId,
  toCompleteResponse,
  toCreatedEvent,
  toItemEvents,
  withItemId,
} from './item-events.ts';
import { isJsonObject, type JsonObject, parseJsonObject } from '../json/json-object.ts';
import { RememberedItems, toExactJson } from './remembered-items.ts';
import {
  make,
  type MadeEvent,
  type Overflow,
  toErrorEvent,
  type Unwritable,
  writing,
} from './response-to-events.ts';
import { terminalNameOf } from './terminal-name.ts';
import { isWellFormedUsage } from './usage.ts';

/** What stands for every heartbeat: a sign of life that carries nothing. */
export const KEEPALIVE: MadeEvent = make({ type: 'keepalive' });

/**
 * 64 MiB of items at most are remembered to fill an empty `output`: as much as one event may hold, so more could
 * not be delivered anyway.
 */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;

/** The greatest sequence number that is taken over: as much as 32 bits hold, and no stream has so many events. */
const MAX_SEQUENCE = 2 ** 31 - 1;

/** Heartbeats whose names are not in the catalogue: `response.ping`, `keep_alive` and the like. */
const HEARTBEAT = /(?:^|[._])(?:ping|heartbeat|keep[_-]?alive)$/i;

const NOTHING: readonly MadeEvent[] = [];

/** One response of one provider. Not reusable. */
export class DialectRepair {
  readonly #newResponseId: () => string;
  readonly #items = new RememberedItems();
  /** The first id that was told to the client. */
  #responseId: string | undefined;
  /** The `response` of `response.created`, as JSON. */
  #created: Buffer | undefined;
  #nextSequence = 0;
  #ended = false;

  /** @param newResponseId Names a response whose provider did not name it in time. */
  constructor(newResponseId: () => string) {
    this.#newResponseId = newResponseId;
  }

  /**
   * What the client should hear for this event: nothing, the event, or several.
   *
   * @param payload The bytes of one event.
   * @param type What `eventTypeOf` says of it.
   * @returns 'unwritable' if it needs mending and cannot be written, 'overflow' if there are more items than may be
   *   remembered: the stream is then beyond repair.
   */
  push(payload: Buffer, type: EventType): readonly MadeEvent[] | Unwritable | Overflow {
    const events = writing(() => this.#mend(payload, type));
    return this.keptBytes > MAX_KEPT_BYTES ? 'overflow' : events;
  }

  /** Bytes that are remembered, to be told again in the terminal event. */
  get keptBytes(): number {
    return this.#items.bytes + (this.#created?.length ?? 0);
  }

  /** Nothing more comes of it: the terminal event has passed. */
  get hasEnded(): boolean {
    return this.#ended;
  }

  #mend(payload: Buffer, type: EventType): readonly MadeEvent[] | Overflow {
    if (this.#ended) {
      return NOTHING;
    }
    const event = parseJsonObject(payload);
    if (event === undefined) {
      return NOTHING;
    }
    if (typeof event['type'] !== 'string') {
      return event['error'] ? this.#end([toErrorEvent(event)]) : NOTHING;
    }
    switch (type.role) {
      case 'keepalive':
        return this.#heartbeat(event, payload);
      case 'error':
        return [{ payload, type }];
      case 'created':
        return this.#onCreated(event, payload);
      case 'item-added':
      case 'item-done':
        return this.#onItem(event, payload, type);
      case 'completed':
      case 'incomplete':
      case 'failed':
        return this.#onTerminal(event, type);
      case 'output':
        return [...this.#ensureCreated(undefined), this.#number(event, payload, false)];
      case 'metadata':
      case 'other':
        break;
    }
    return this.#onOther(event, payload, type);
  }

  /** OpenAI's own kind uses up a sequence number and passes; vendors' kinds become the one that clients know. */
  #heartbeat(event: JsonObject, payload: Buffer): readonly MadeEvent[] {
    if (event['type'] !== 'keepalive' || !Number.isInteger(event['sequence_number'])) {
      return [KEEPALIVE];
    }
    return [this.#number(event, payload, false)];
  }

  #onCreated(event: JsonObject, payload: Buffer): readonly MadeEvent[] {
    if (this.#created !== undefined) {
      return NOTHING;
    }
    const changed = this.#adoptResponse(event);
    this.#keepCreated(event['response'] as JsonObject);
    return [this.#number(event, payload, changed)];
  }

  #keepCreated(response: JsonObject): void {
    this.#created = toExactJson(response);
  }

  /** `response.in_progress` and `.queued` tell of the response; metadata and unknown types do not. */
  #onOther(event: JsonObject, payload: Buffer, type: EventType): readonly MadeEvent[] {
    if (type === OTHER_EVENT && HEARTBEAT.test(String(event['type']))) {
      return [KEEPALIVE];
    }
    if (type === OTHER_EVENT || !isJsonObject(event['response'])) {
      // Not part of the response's own sequence, unless it says so.
      const numbered = event['sequence_number'] !== undefined;
      return [numbered ? this.#number(event, payload, false) : { payload, type }];
    }
    const created = this.#ensureCreated(event['response']);
    return [...created, this.#number(event, payload, this.#adoptResponse(event))];
  }

  #onItem(event: JsonObject, payload: Buffer, type: EventType): readonly MadeEvent[] | Overflow {
    if (!isJsonObject(event['item'])) {
      return NOTHING; // An item event without an item says nothing.
    }
    if (hasTooManyPieces([event['item']])) return 'overflow';
    const created = this.#ensureCreated(undefined);
    const done = type.role === 'item-done';
    const index = this.#items.placeOf(event, event['item'], done);
    const known = this.#items.get(index);
    if (known !== undefined && (known.json !== undefined || !done)) {
      return created; // Told already: strict readers refuse to hear of one item twice.
    }
    let changed = event['output_index'] !== index;
    event['output_index'] = index;
    let item = withItemId(event['item'], this.#responseId ?? '', index);
    const knownId = known?.id;
    if (knownId !== undefined && knownId !== item['id']) {
      item = { ...item, id: knownId };
    }
    changed ||= item !== event['item'];
    event['item'] = item;
    this.#items.remember(index, item, done);
    if (done && known === undefined) {
      return [...created, ...toItemEvents(item, index).map((made) => this.#make(made))];
    }
    return [...created, this.#number(event, payload, changed)];
  }

  #onTerminal(event: JsonObject, type: EventType): readonly MadeEvent[] | Overflow {
    const response = isJsonObject(event['response']) ? event['response'] : {};
    if (hasTooManyPieces(response['output'])) return 'overflow';
    const name = type.name === 'response.done' ? nameOfDone(response) : type.name;
    // A failure as the very first event stays alone: the turn may still be tried elsewhere.
    const before = name === 'response.failed' ? NOTHING : this.#ensureCreated(response);
    const created = this.#created === undefined ? {} : parseJsonObject(this.#created);
    event['response'] = { ...created, ...response };
    this.#adoptResponse(event);
    const whole = event['response'] as JsonObject;
    if (!isWellFormedUsage(whole['usage'])) {
      delete whole['usage'];
    }
    const items = name === 'response.completed' ? this.#completeItems(whole) : NOTHING;
    if ((whole['output'] as unknown[]).length === 0) whole['output'] = this.#items.finished();
    whole['status'] = name.slice('response.'.length);
    return [...before, ...items, ...this.#end([{ ...event, type: name }])];
  }

  /** Announces the items that only `output` tells of, and finishes those that were begun. Changes `output`. */
  #completeItems(response: JsonObject): MadeEvent[] {
    const made: MadeEvent[] = [];
    const output = (response['output'] as unknown[]).filter(isJsonObject);
    response['output'] = output.map((raw, position) => {
      const index = this.#items.placeInOutput(raw, position);
      const known = this.#items.get(index);
      const id = known?.id;
      const item =
        id === undefined
          ? withItemId(raw, this.#responseId ?? '', index)
          : raw['id'] === id
            ? raw
            : { ...raw, id };
      if (known === undefined) {
        made.push(...toItemEvents(item, index).map((event) => this.#make(event)));
      } else if (known.json === undefined) {
        made.push(this.#make({ type: 'response.output_item.done', output_index: index, item }));
      }
      this.#items.foundInOutput(index, item);
      return item;
    });
    return made;
  }

  #ensureCreated(response: JsonObject | undefined): readonly MadeEvent[] {
    if (this.#created !== undefined) {
      return NOTHING;
    }
    const event = toCreatedEvent(response ?? {});
    this.#adoptResponse(event);
    this.#keepCreated(event['response'] as JsonObject);
    return [this.#make(event)];
  }

  /** Gives the event's response the id that was told first, and all fields it must have. True if it changed. */
  #adoptResponse(event: JsonObject): boolean {
    const response = isJsonObject(event['response']) ? event['response'] : {};
    const own = isId(response['id']) ? response['id'] : undefined;
    this.#responseId ??= own ?? this.#newResponseId();
    const complete = toCompleteResponse(response);
    const changed = own !== this.#responseId || Object.keys(complete).some((key) => !(key in response));
    if (changed || !Array.isArray(response['output'])) {
      event['response'] = { ...complete, id: this.#responseId };
      return true;
    }
    return false;
  }

  #end(events: readonly JsonObject[]): readonly MadeEvent[] {
    this.#ended = true;
    return events.map((event) => (event['type'] === 'error' ? make(event) : this.#make(event)));
  }

  #make(event: JsonObject): MadeEvent {
    return make(this.#numbered(event));
  }

  /** The event with its number; its own bytes if neither that nor anything else changed. */
  #number(event: JsonObject, payload: Buffer, changed: boolean): MadeEvent {
    const numbered = this.#numbered(event);
    return changed || numbered !== event
      ? make(numbered)
      : { payload, type: eventTypeNamed(String(event['type'])) };
  }

  /** Keeps the provider's number as long as numbers grow; events that we add shift the rest. */
  #numbered(event: JsonObject): JsonObject {
    const own = event['sequence_number'];
    if (isSequence(own) && own >= this.#nextSequence) {
      this.#nextSequence = own + 1;
      return event;
    }
    const sequence = this.#nextSequence;
    this.#nextSequence += 1;
    return { ...event, sequence_number: sequence };
  }
}

/** May it be told? The ones that follow have to be greater, and readers with integers have to be able to hold them. */
function isSequence(own: unknown): own is number {
  return Number.isInteger(own) && (own as number) <= MAX_SEQUENCE;
}

/** What `response.done` stands for: some builds use it for every end. */
function nameOfDone(response: JsonObject): string {
  return terminalNameOf(response['status']) ?? 'response.completed';
}
