/** What the event recorder announces. `reason` of an event is a word of a closed set and may be a label; the rest is for logs. */
export type EventFact =
  /** An event is in the API server, or its count is. */
  | { readonly kind: 'event.sent'; readonly how: 'created' | 'counted'; readonly reason: string }
  /** An event, or a new count of it, was given up. */
  | {
      readonly kind: 'event.dropped';
      /**
       * `budget`: too many about one object. `full`: too many wait. `refused`: the API server does not want it.
       * `failed`: it could not be reached, or had no time, in all tries. `closed`: this process ends.
       */
      readonly why: 'budget' | 'full' | 'refused' | 'failed' | 'closed';
      readonly reason: string;
      readonly error?: unknown;
    };
