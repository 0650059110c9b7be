/**
 * What a provider without a memory needs to hear again: for each lane of a connection the items of its latest
 * response and of everything before it, as the bytes they came in. Nothing is shared between connections.
 *
 * ```
 *   response   r1            r2             r3 (lane "default")
 *   link     [in,out] ◀──── [in,out] ◀──── [in,out]      a link holds its own items only;
 *                               ▲                         forks share what came before
 *                               └────────── [in,out] ◀─── r4 (lane "b")
 * ```
 * A link lives while a remembered response or a running turn holds it or a later link does. Its bytes are
 * counted once, in the connection's account and in the process's; when either is full the response that was
 * remembered longest ago goes, and the next request that names it hears `previous_response_not_found`, which every
 * client answers with a full request.
 */
import type { Budget } from './budget.ts';

/** Items as they are joined into `input`: JSON texts with commas between, no brackets. */
export class ChainLink {
  readonly parent: ChainLink | undefined;
  readonly items: Buffer;
  /** The provider's own id that this chain continues (mode `Provider`, warm-ups only). */
  readonly providerBase: string | undefined;
  /** Bytes of the whole chain's items. */
  readonly totalBytes: number;
  /** Who keeps it alive: remembered responses, running turns, later links. */
  holders = 0;

  constructor(parent: ChainLink | undefined, items: Buffer, providerBase?: string) {
    this.parent = parent;
    this.items = items;
    this.providerBase = providerBase;
    this.totalBytes = items.length + (parent?.totalBytes ?? 0);
  }
}

/** All items of a chain, oldest first. */
export function itemsOfChain(end: ChainLink): Buffer[] {
  const parts: Buffer[] = [];
  for (let link: ChainLink | undefined = end; link !== undefined; link = link.parent) parts.push(link.items);
  return parts.toReversed();
}

/** Bytes a link and its bookkeeping cost beside the items: keeps a million empty links from being free. */
const LINK_OVERHEAD_BYTES = 256;

interface Remembered {
  readonly owner: ConnectionTranscripts;
  readonly responseId: string;
  readonly lane: string;
  readonly link: ChainLink;
}

/** All transcripts of the process, for the process's budget: oldest first. */
export class TranscriptStore {
  readonly budget: Budget;
  readonly #onEvicted: (connectionId: string, bytes: number) => void;
  readonly #order = new Set<Remembered>();

  constructor(budget: Budget, onEvicted: (connectionId: string, bytes: number) => void) {
    this.budget = budget;
    this.#onEvicted = onEvicted;
  }

  /** The transcripts of one connection. Its owner calls `clear` when the connection ends. */
  open(connectionId: string, maxBytes: () => number): ConnectionTranscripts {
    return new ConnectionTranscripts(this, connectionId, maxBytes);
  }

  /** @internal */
  note(entry: Remembered): void {
    this.#order.delete(entry);
    this.#order.add(entry);
  }

  /** @internal */
  drop(entry: Remembered): void {
    this.#order.delete(entry);
  }

  /** @internal Gives up the oldest until the process's budget holds. */
  trim(): void {
    for (const entry of this.#order) {
      if (!this.budget.isExhausted) return;
      this.evict(entry);
    }
  }

  /** @internal */
  evict(entry: Remembered): void {
    const before = this.budget.usedBytes;
    entry.owner.forget(entry.responseId);
    this.#onEvicted(entry.owner.connectionId, before - this.budget.usedBytes);
  }
}

/** The transcripts of one connection. */
export class ConnectionTranscripts {
  readonly connectionId: string;
  readonly #store: TranscriptStore;
  readonly #maxBytes: () => number;
  readonly #byId = new Map<string, Remembered>();
  readonly #latest = new Map<string, Remembered>();
  #usedBytes = 0;

  constructor(store: TranscriptStore, connectionId: string, maxBytes: () => number) {
    this.#store = store;
    this.connectionId = connectionId;
    this.#maxBytes = maxBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** The limit of this connection, as its route has it now. */
  get maxBytes(): number {
    return this.#maxBytes();
  }

  /** A chain of so many bytes fits, here and in the process. */
  hasRoomFor(bytes: number): boolean {
    return (
      bytes <= this.#maxBytes() && bytes <= this.#store.budget.limitBytes && !this.#store.budget.isExhausted
    );
  }

  /**
   * Counts what a running turn holds for later. False when the process has no room for it, though nothing else is
   * left to give up: the turn should then let go of it, with `unreserve`.
   */
  reserve(bytes: number): boolean {
    this.#count(bytes);
    this.#store.trim();
    return !this.#store.budget.isExhausted;
  }

  unreserve(bytes: number): void {
    this.#count(-bytes);
  }

  /** The chain that ends in this response, held for the caller, who must `release` it; undefined when unknown. */
  hold(responseId: string): ChainLink | undefined {
    const entry = this.#byId.get(responseId);
    if (entry === undefined) return undefined;
    this.#store.note(entry);
    this.#retain(entry.link);
    return entry.link;
  }

  /** Lets go of a chain that `hold` or `extend` gave. */
  release(link: ChainLink): void {
    this.#letGo(link);
  }

  /** A new link, held for the caller. `items` must be an exact copy: it is kept as it is. */
  extend(parent: ChainLink | undefined, items: Buffer, providerBase?: string): ChainLink {
    const link = new ChainLink(parent, items, providerBase);
    if (parent !== undefined) this.#retain(parent);
    this.#retain(link);
    this.#count(items.length + LINK_OVERHEAD_BYTES);
    this.#store.trim();
    return link;
  }

  /** Makes `link` the latest response of its lane; the lane's former one is forgotten, unless it is this. */
  remember(lane: string, responseId: string, link: ChainLink): void {
    this.#retain(link);
    const former = this.#latest.get(lane);
    if (former !== undefined) this.forget(former.responseId);
    this.forget(responseId);
    const entry: Remembered = { owner: this, responseId, lane, link };
    this.#byId.set(responseId, entry);
    this.#latest.set(lane, entry);
    this.#store.note(entry);
    for (const oldest of this.#byId.values()) {
      if (this.#usedBytes <= this.#maxBytes()) break;
      this.#store.evict(oldest);
    }
    this.#store.trim();
  }

  /** True when the lane's latest response is this one: a failing turn then evicts it. */
  isLatestOf(lane: string, responseId: string): boolean {
    return this.#latest.get(lane)?.responseId === responseId;
  }

  forget(responseId: string): void {
    const entry = this.#byId.get(responseId);
    if (entry === undefined) return;
    this.#byId.delete(responseId);
    if (this.#latest.get(entry.lane) === entry) this.#latest.delete(entry.lane);
    this.#store.drop(entry);
    this.#letGo(entry.link);
  }

  /** Forgets everything; turns that still run keep what they hold until they release it. */
  clear(): void {
    for (const responseId of this.#byId.keys()) this.forget(responseId);
  }

  #retain(link: ChainLink): void {
    link.holders++;
  }

  #letGo(from: ChainLink): void {
    let link: ChainLink | undefined = from;
    while (link !== undefined) {
      link.holders--;
      if (link.holders > 0) return;
      this.#count(-(link.items.length + LINK_OVERHEAD_BYTES));
      link = link.parent;
    }
  }

  #count(bytes: number): void {
    this.#usedBytes += bytes;
    if (bytes >= 0) this.#store.budget.add(bytes);
    else this.#store.budget.give(-bytes);
  }
}
