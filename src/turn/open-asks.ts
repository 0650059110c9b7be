/**
 * Frames that a client sent to a running response (`response.steer`, `response.inject`) and what became of them. While one
 * is open the turn does not end with its response: its answer is still to come, or the successor that it begins.
 *
 * A successor is made of all steers that were accepted before it; that it is made of each of them nobody says. So behind a
 * response that several steers led to there may be another one, which is waited for a moment.
 */
import { eventTypeNamed, type EventType } from '../events/event-type.ts';
import { memberOf, membersOf, stringOf } from '../json/object-walk.ts';

const STEER_ACCEPTED = eventTypeNamed('response.steer.accepted');
const STEER_PENDING = eventTypeNamed('response.steer.pending');
const STEER_FAILED = eventTypeNamed('response.steer.failed');
const INJECT_CREATED = eventTypeNamed('response.inject.created');
const INJECT_FAILED = eventTypeNamed('response.inject.failed');

/** More than anybody says while one response runs; without a bound a provider that answers none would have us wait for any number. */
const MAX_OPEN = 64;

/** No id is longer; one that is need not be kept. */
const MAX_ID_BYTES = 256;

/** What the client may say to a running response. */
export type AskKind = 'Steer' | 'Inject';

export class OpenAsks {
  /** Sent, and not answered yet. */
  readonly #unanswered: Record<AskKind, number> = { Steer: 0, Inject: 0 };
  /** Steers that the provider took, which the next response will be made of: their ids, empty where it gave none. */
  #accepted: string[] = [];
  /** Steers that may have been left over when the successor began. */
  #leftOver = 0;
  #hasPending = false;
  #isSteered = false;

  get isFull(): boolean {
    return this.#unanswered.Steer + this.#unanswered.Inject + this.#accepted.length >= MAX_OPEN;
  }

  /** Answers are still to come. */
  get hasUnanswered(): boolean {
    return this.#unanswered.Steer + this.#unanswered.Inject > 0;
  }

  get isOpen(): boolean {
    return this.hasUnanswered || this.mayFollow || this.#accepted.length > 0;
  }

  /**
   * What is open has been settled as far as anybody can tell, and may yet bring another event: the response waits for tool
   * outputs with some steers, and nothing was said of the others; or a successor was made of several.
   */
  get mayFollow(): boolean {
    return !this.hasUnanswered && (this.#accepted.length > 0 ? this.#hasPending : this.#leftOver > 0);
  }

  /** Those of which nothing came: injects without an answer, and steers, with the ids they were accepted under. */
  get lost(): { readonly injects: number; readonly steers: readonly (string | undefined)[] } {
    const ids = this.#accepted.map((id) => (id === '' ? undefined : id));
    const unanswered = Array<undefined>(this.#unanswered.Steer).fill(undefined);
    return { injects: this.#unanswered.Inject, steers: [...ids, ...unanswered] };
  }

  /** Input came into the conversation that is not known here: it cannot be told to another provider. */
  get isSteered(): boolean {
    return this.#isSteered;
  }

  /** A frame was passed on. */
  sent(kind: AskKind): void {
    this.#unanswered[kind]++;
  }

  /** An event of the provider's passes. */
  heard(payload: Buffer, type: EventType): void {
    switch (type) {
      case STEER_ACCEPTED:
        this.#isSteered = true;
        if (this.#accepted.length < MAX_OPEN) this.#accepted.push(steerIdOf(payload));
        return this.#answered('Steer');
      case INJECT_CREATED:
        this.#isSteered = true;
        return this.#answered('Inject');
      case INJECT_FAILED:
        return this.#answered('Inject');
      case STEER_PENDING:
        this.#hasPending = true;
        return this.#settled(steerIdOf(payload), true);
      case STEER_FAILED:
        return this.#settled(steerIdOf(payload), false);
      default:
        return undefined;
    }
  }

  /** The successor begins, with all that was accepted, or with one. */
  succeeded(): void {
    this.#leftOver = Math.max(0, this.#leftOver + this.#accepted.length - 1);
    this.#accepted = [];
    this.#hasPending = false;
  }

  /** One that was accepted comes to nothing more; without an id that is known, one of those there are. */
  #settled(id: string, wasAccepted: boolean): void {
    const at = id === '' ? -1 : this.#accepted.indexOf(id);
    if (at >= 0) this.#accepted.splice(at, 1);
    else if (this.#accepted.length > 0 && (wasAccepted || this.#unanswered.Steer === 0))
      this.#accepted.shift();
    else if (this.#unanswered.Steer > 0) this.#answered('Steer');
    else this.#leftOver = Math.max(0, this.#leftOver - 1);
  }

  #answered(kind: AskKind): void {
    this.#unanswered[kind] = Math.max(0, this.#unanswered[kind] - 1);
  }
}

/** `steer.id` of an event; empty without one. */
function steerIdOf(payload: Buffer): string {
  const steer = memberOf(membersOf(payload), 'steer');
  if (steer === undefined) return '';
  const id = memberOf(membersOf(payload, steer), 'id');
  if (id === undefined || id.end - id.start > MAX_ID_BYTES) return '';
  return stringOf(payload, id) ?? '';
}
