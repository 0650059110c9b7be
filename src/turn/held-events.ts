/**
 * Events that say nothing of the response yet: a backend's metadata and rate limits, and those that we make of an answer's
 * headers. They wait for the first event that does, since whatever the client hears commits the turn.
 */
import { eventTypeNamed, type EventType } from '../events/event-type.ts';

/** One event that waits. */
export interface HeldEvent {
  readonly payload: Buffer;
  readonly type: EventType;
  /** It came from the provider as it is; else it is ours. */
  readonly isProviders: boolean;
}

const RATE_LIMITS = eventTypeNamed('codex.rate_limits');
const TIMING = eventTypeNamed('responsesapi.websocket_timing');

/** More than any backend sends before its first event; what comes beyond goes to the client, and commits the turn. */
const MAX_EVENTS = 16;
const MAX_BYTES = 64 * 1024;

export class HeldEvents {
  #events: HeldEvent[] = [];
  #bytes = 0;

  /** Keeps an event of ours. */
  ours(payload: Buffer, type: EventType): void {
    this.#events.push({ payload, type, isProviders: false });
  }

  /** Keeps an event of the provider's, if it can wait and there is room. */
  takes(payload: Buffer, type: EventType): boolean {
    if (type.role !== 'metadata' && type !== RATE_LIMITS && type !== TIMING) return false;
    if (this.#events.length >= MAX_EVENTS || this.#bytes + payload.length > MAX_BYTES) return false;
    this.#bytes += payload.length;
    // what the backend says itself is newer than its headers
    if (type === RATE_LIMITS)
      this.#events = this.#events.filter((one) => one.isProviders || one.type !== type);
    this.#events.push({ payload, type, isProviders: true });
    return true;
  }

  /** All that waits, in order; nothing does then. */
  take(): readonly HeldEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }
}
