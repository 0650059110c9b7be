/** What the operator announces; metrics and the log listen. No field can hold a credential. */

/** Why a snapshot Secret is left alone. */
export interface ForeignSecret {
  /** `namespace/name`. */
  readonly secret: string;
  /** What it is, and what to do. */
  readonly sentence: string;
}

interface NamespaceResource {
  readonly namespace: string;
  readonly resource: 'Secret' | 'ConfigMap';
}

export type OperatorFact =
  | {
      readonly kind: 'snapshot.written';
      readonly secret: string;
      readonly version: string;
      readonly generation: number;
      readonly routes: number;
      /** Of the Secret's value, compressed. */
      readonly bytes: number;
      readonly seconds: number;
    }
  /** Compiled, whether or not it had to be written. */
  | {
      readonly kind: 'snapshot.compiled';
      readonly secret: string;
      readonly routes: number;
      readonly leftOut: number;
      /** Of the Secret's value, compressed. */
      readonly bytes: number;
      /** `NearlyFull` from 80 % of what a Secret holds; `Full`: routes are left out. */
      readonly level: 'Normal' | 'NearlyFull' | 'Full';
      readonly seconds: number;
    }
  | ({ readonly kind: 'snapshot.foreign' } & ForeignSecret)
  | { readonly kind: 'snapshot.ours'; readonly secret: string }
  /** All ready pods serve what was written. */
  | {
      readonly kind: 'pods.confirmed';
      readonly secret: string;
      readonly pods: number;
      /** Since it was written; undefined: it was seen before, and this was another look. */
      readonly seconds: number | undefined;
    }
  /** They were asked for as long as they are asked, and some serve something else. */
  | {
      readonly kind: 'pods.behind';
      readonly secret: string;
      readonly pods: number;
      readonly behind: readonly string[];
      /** They were asked on, and it was told before that some are behind. */
      readonly isRepeated: boolean;
    }
  | {
      readonly kind: 'status.written';
      readonly route: string;
      readonly ready: boolean;
      readonly reason: string;
    }
  /** Somebody else wrote the status of a route, soon after this process did. */
  | { readonly kind: 'status.overwritten'; readonly route: string }
  /** That happens again and again, to this route and as many in all: once a minute at most. */
  | { readonly kind: 'statuses.contested'; readonly route: string; readonly routes: number }
  /** A namespace whose Secrets or ConfigMaps cannot be read, or not any more; and then can. */
  | ({ readonly kind: 'namespace.unreadable'; readonly reason: string } & NamespaceResource)
  | ({ readonly kind: 'namespace.readable' } & NamespaceResource)
  /** What is written in a namespace has no owner, or one that is gone, and why (owner-accounts.ts). */
  | { readonly kind: 'owner.missing'; readonly namespace: string; readonly sentence: string }
  /** It has one, after it had none. */
  | { readonly kind: 'owner.found'; readonly namespace: string; readonly account: string }
  | { readonly kind: 'demo.made'; readonly route: string; readonly url: string }
  /** `left`: somebody else's route has that name. `waiting`: it is tried again. */
  | {
      readonly kind: 'demo.hindered';
      readonly route: string;
      readonly state: 'left' | 'waiting';
      readonly sentence: string;
    }
  /** Our own code threw where nothing should. */
  | { readonly kind: 'mistake'; readonly error: unknown };

export type OperatorFactListener = (fact: OperatorFact) => void;
