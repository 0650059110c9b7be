/**
 * What this folder announces; metrics and logs listen. `resource` is a label: `responsesroutes`, `secrets`. Errors are
 * sentences that may be shown: they name methods and paths, and hold no body and no credential.
 */
import type { EventFact } from './event-facts.ts';
import type { LeaseFact } from './lease-facts.ts';
import type { QueueFact } from './queue-facts.ts';

export type KubeFact = RequestFact | ReflectorFact | QueueFact | LeaseFact | EventFact;

/** Who listens. It does not throw. */
export type KubeFacts = (fact: KubeFact) => void;

/** An HTTP request was answered, or failed (rest_client_requests_total, rest_client_request_duration_seconds). Of a watch: its headers came. */
export interface RequestFact {
  readonly kind: 'request.ended';
  readonly method: string;
  /** Host and port. */
  readonly host: string;
  /** Undefined when no answer came. */
  readonly status: number | undefined;
  readonly seconds: number;
}

export type ReflectorFact =
  | ListEnded
  | { readonly kind: 'watch.opened'; readonly resource: string }
  | { readonly kind: 'watch.event'; readonly resource: string; readonly type: string }
  | WatchEnded
  /** It goes on after this time, with a list or a watch. */
  | {
      readonly kind: 'reflector.waiting';
      readonly resource: string;
      readonly next: 'list' | 'watch';
      readonly ms: number;
      readonly error: string;
    }
  /** Code of ours threw while it was told of an object. `key` is left out where it is not known. */
  | {
      readonly kind: 'reflector.threw';
      readonly resource: string;
      readonly where: 'keep' | 'onChange' | 'onSynced';
      readonly key: string | undefined;
      readonly error: unknown;
    };

/** A whole list was read, all of its pages, or could not be. */
export interface ListEnded {
  readonly kind: 'list.ended';
  readonly resource: string;
  readonly ok: boolean;
  readonly seconds: number;
  /** That were listed; of these, those are in the store that are kept. */
  readonly items: number;
  readonly stored: number;
  readonly error: string | undefined;
}

export interface WatchEnded {
  readonly kind: 'watch.ended';
  readonly resource: string;
  /** `ended`: by the server, cleanly. `expired`: 410. `stopped`: by us. */
  readonly reason: 'ended' | 'expired' | 'failed' | 'stopped';
  readonly seconds: number;
  readonly error: string | undefined;
}
