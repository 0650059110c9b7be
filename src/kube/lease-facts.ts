/** What a contender for a Lease announces. `lease` is its name, a label of metrics; holders belong in logs only. */
export type LeaseFact =
  /** An attempt to take or to keep it ended. */
  | {
      readonly kind: 'lease.tried';
      readonly lease: string;
      /** `held`: somebody else holds it. `conflict`: somebody else was faster. */
      readonly result: 'created' | 'taken' | 'renewed' | 'held' | 'conflict' | 'error';
      readonly seconds: number;
      readonly error?: unknown;
    }
  /** Somebody holds it who did not before; the empty string: nobody. */
  | { readonly kind: 'lease.holder'; readonly lease: string; readonly holder: string }
  /** The API server takes it only without its owner. Told once. */
  | { readonly kind: 'lease.unowned'; readonly lease: string; readonly error: unknown }
  /** Where this process stands (leader_election_master_status is 1 in `leading`). `why` is a sentence. */
  | {
      readonly kind: 'lease.changed';
      readonly lease: string;
      readonly state: 'leading' | 'lost' | 'released';
      readonly why: string;
    };
