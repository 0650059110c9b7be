/**
 * What a network may do to the connection between a client and the bridge, at which byte, and what the bridge does
 * then. docs/reliability.md shows the same table to readers; a test compares the two.
 */
import type { Place } from '../harness/wire-place.ts';
import type { Fault } from './wire-provider-cells.ts';

/** Served as if nothing were wrong; or let go, by what it is noticed. */
export type Does = 'serves it' | 'lets go at once' | 'lets go after two pings' | 'lets go after 10 s';

export interface ClientPhase {
  readonly phase: string;
  /** What the client has done when the fault begins: nothing, the upgrade, or a whole turn. */
  readonly after: 'nothing' | 'upgrade' | 'turn';
  /** Left out: the fault begins at once. */
  readonly place?: Place;
  /** The provider works for the client when the fault begins. */
  readonly isAnswering?: true;
  readonly does: Readonly<Record<Fault, Does>>;
}

const onceOpen: ClientPhase['does'] = {
  delay: 'serves it',
  throttle: 'serves it',
  cut: 'lets go at once',
  reset: 'lets go at once',
  silence: 'lets go after two pings',
};

export const clientPhases: readonly ClientPhase[] = [
  {
    phase: 'before the upgrade',
    after: 'nothing',
    place: { way: 'toTarget' },
    does: { ...onceOpen, silence: 'lets go after 10 s' },
  },
  {
    phase: 'inside the head of the upgrade',
    after: 'nothing',
    place: { way: 'toTarget', behind: 'GET /v1/responses', bytes: 20 },
    does: { ...onceOpen, silence: 'lets go after 10 s' },
  },
  {
    phase: 'inside the 101',
    after: 'nothing',
    place: { way: 'toClient', behind: 'HTTP/1.1 101', bytes: 10 },
    does: onceOpen,
  },
  {
    phase: 'inside a frame of the client',
    after: 'upgrade',
    place: { way: 'toTarget', bytes: 2000 },
    does: onceOpen,
  },
  {
    phase: 'inside an event, within a character',
    after: 'upgrade',
    place: { way: 'toClient', behind: Buffer.from('漢').subarray(0, 2) },
    isAnswering: true,
    does: onceOpen,
  },
  { phase: 'between turns', after: 'turn', does: onceOpen },
];
