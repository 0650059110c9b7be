/** Who asks for a turn, and where its events go. */
import type { ErrorAnswer } from '../frames/errors.ts';
import type { EventType } from '../events/event-type.ts';
import type { HeaderField } from '../route/snapshot.ts';
import type { ClientKind } from './facts.ts';

/** The client of a connection or of one HTTP request. Does not change while it lives. */
export interface TurnClient {
  readonly connectionId: string;
  readonly kind: ClientKind;
  readonly tenant: string;
  /** Where turns come in: the group's base and `/responses`. */
  readonly path: string;
  /** How turns come in. Over `http` ids of earlier responses are the provider's affair. */
  readonly entry: 'websocket' | 'http';
  /** All headers as they came; the header policy is applied where a request is written. */
  readonly headers: readonly HeaderField[];
  /** Query parameters that the route lets through, encoded; may be empty. */
  readonly query: string;
  /** `x-turnbridge-via` to send: the hops so far and this installation. */
  readonly via: string;
}

/**
 * Where a turn's events go. A turn ends with one terminal event or with one `refuse`; nothing comes after it.
 */
export interface TurnSink {
  /** Keep-alive events of a provider are worth something to this client. */
  readonly takesKeepalives: boolean;
  /** These headers of the provider are for the client. Right before the first event, or before `refuse`; at most once. */
  answered?(headers: Readonly<Record<string, string>>): void;
  /**
   * One event, in order. The bytes are valid as long as they are held.
   * @param isTagged The lane's name is in it already, where it has one.
   */
  event(payload: Buffer, type: EventType, isTagged?: boolean): void;
  /** The turn ends before a response was created. */
  refuse(answer: ErrorAnswer): void;
}
