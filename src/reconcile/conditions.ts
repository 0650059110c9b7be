/** The conditions of a route's status: every type, and every reason it can have. docs/status.md explains each. */

/** Reasons that come from what a route refers to: a Secret or ConfigMap comes and goes without the route. */
const REFERENCE_REASONS = ['SecretNotFound', 'SecretKeyMissing', 'InvalidCACertificateRef'] as const;

/** Reasons of a route that is not served, the gravest first: it is the one that is shown of several. */
export const REFUSALS = ['BeingDeleted', 'Invalid', 'HostnameNotAllowed', 'Conflicted'] as const;

/** Why a route that is accepted is not in effect everywhere. */
const DELIVERY_REASONS = ['SnapshotTooLarge', 'NoReadyPods', 'PartiallyProgrammed'] as const;

/**
 * Reasons by type and status. The positive types are always there, the others (PartiallyInvalid, Reconciling,
 * Stalled) only while they are true. `Ready`, `Reconciling` and `Stalled` borrow the reason of the condition that
 * holds the route back.
 */
export const REASONS = {
  Accepted: { True: ['Accepted'], False: REFUSALS, Unknown: [] },
  ResolvedRefs: { True: ['ResolvedRefs'], False: REFERENCE_REASONS, Unknown: ['Pending'] },
  Programmed: { True: ['Programmed'], False: [...DELIVERY_REASONS, 'NotAccepted'], Unknown: ['Pending'] },
  Ready: {
    True: ['Ready'],
    False: [...REFUSALS, ...REFERENCE_REASONS, ...DELIVERY_REASONS],
    Unknown: ['Pending'],
  },
  PartiallyInvalid: { True: ['ProvidersLeftOut'], False: [], Unknown: [] },
  Reconciling: {
    True: [...REFERENCE_REASONS, 'NoReadyPods', 'PartiallyProgrammed', 'Pending'],
    False: [],
    Unknown: [],
  },
  Stalled: { True: [...REFUSALS, ...REFERENCE_REASONS, 'SnapshotTooLarge'], False: [], Unknown: [] },
} as const;

export type ConditionType = keyof typeof REASONS;
export type ConditionStatus = 'True' | 'False' | 'Unknown';

/** In the order in which they are written. */
export const CONDITION_TYPES = Object.keys(REASONS) as readonly ConditionType[];

type ReasonOf<
  Type extends ConditionType,
  Status extends ConditionStatus,
> = (typeof REASONS)[Type][Status][number];

/** What is found about one side of a route: a condition without its times. */
export type Finding<Type extends ConditionType> = {
  readonly [Status in ConditionStatus]: {
    readonly status: Status;
    readonly reason: ReasonOf<Type, Status>;
    /** Sentences, one to a line, the most important first; at most MAX_MESSAGE_LENGTH. */
    readonly message: string;
  };
}[ConditionStatus];

/** A condition as it is stored. */
export interface Condition {
  readonly type: string;
  readonly status: ConditionStatus;
  /** The generation of the route that it is about. */
  readonly observedGeneration: number;
  /** When `status` last became what it is: RFC 3339 in UTC, whole seconds. */
  readonly lastTransitionTime: string;
  readonly reason: string;
  readonly message: string;
}
