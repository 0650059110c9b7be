/**
 * What a network may do to the connection between the bridge and a provider, at which byte, and what the client then
 * hears. docs/reliability.md shows the same table to readers; a test compares the two.
 */
import type { FlakyProxy } from '../harness/flaky-proxy.ts';
import type { Place } from '../harness/wire-place.ts';

/** Each begins at the place of a phase and holds until it is ended. */
export const faults = {
  delay: (proxy) => proxy.delay(200),
  throttle: (proxy) => proxy.throttle(8_000),
  cut: (proxy) => proxy.cut(),
  reset: (proxy) => proxy.reset(),
  silence: (proxy) => proxy.silence(),
} as const satisfies Record<string, (proxy: FlakyProxy) => void>;

export type Fault = keyof typeof faults;
export const faultNames = Object.keys(faults) as Fault[];

/** A whole answer, or the code of the one failure that the client hears. */
export type Hears = 'the answer' | 'provider_connection_lost' | 'first_event_timeout' | 'idle_timeout';

export interface ProviderPhase {
  readonly phase: string;
  /** Where the fault begins, on the way from the provider unless it says otherwise. */
  readonly place: Place;
  /** The turn before went well and was on the same connection. */
  readonly isSecondTurn?: true;
  /** The fault strikes when the turn before has ended, and the bridge sees it before the turn that counts. */
  readonly isIdle?: true;
  /** A failure comes in the response's own ending, since the response has begun: else it is an `error`. */
  readonly hasBegun?: true;
  readonly hears: Readonly<Record<Fault, Hears>>;
}

/** Two bytes of three. */
const halfACharacter = Buffer.from('漢').subarray(0, 2);

export const providerPhases: readonly ProviderPhase[] = [
  {
    phase: 'before the headers',
    place: { way: 'toClient' },
    hears: {
      delay: 'the answer',
      throttle: 'the answer',
      cut: 'provider_connection_lost',
      reset: 'provider_connection_lost',
      silence: 'first_event_timeout',
    },
  },
  {
    phase: 'inside the headers',
    place: { way: 'toClient', behind: 'HTTP/1.1 200 OK\r\n', bytes: 4 },
    hears: {
      delay: 'the answer',
      throttle: 'the answer',
      cut: 'provider_connection_lost',
      reset: 'provider_connection_lost',
      silence: 'first_event_timeout',
    },
  },
  {
    phase: 'between the headers and the first event',
    place: { way: 'toClient', behind: '\r\n\r\n' },
    hears: {
      delay: 'the answer',
      throttle: 'the answer',
      cut: 'provider_connection_lost',
      reset: 'provider_connection_lost',
      silence: 'first_event_timeout',
    },
  },
  {
    phase: 'between two events',
    place: { way: 'toClient', behind: '\n\n\r\n' },
    hasBegun: true,
    hears: {
      delay: 'the answer',
      throttle: 'the answer',
      cut: 'provider_connection_lost',
      reset: 'provider_connection_lost',
      silence: 'idle_timeout',
    },
  },
  {
    phase: 'inside an event, within a character',
    place: { way: 'toClient', behind: halfACharacter },
    hasBegun: true,
    hears: {
      delay: 'the answer',
      throttle: 'the answer',
      cut: 'provider_connection_lost',
      reset: 'provider_connection_lost',
      silence: 'idle_timeout',
    },
  },
  {
    phase: 'inside the terminal event',
    place: { way: 'toClient', behind: 'event: response.completed\n', bytes: 40 },
    hasBegun: true,
    hears: {
      delay: 'the answer',
      throttle: 'the answer',
      cut: 'provider_connection_lost',
      reset: 'provider_connection_lost',
      silence: 'idle_timeout',
    },
  },
  {
    phase: 'after the terminal event',
    place: { way: 'toClient', behind: '\n\n\r\n0' },
    hears: {
      delay: 'the answer',
      throttle: 'the answer',
      cut: 'the answer',
      reset: 'the answer',
      silence: 'the answer',
    },
  },
  {
    phase: 'between turns, on the idle connection',
    place: { way: 'toClient', behind: '\n\n\r\n0\r\n\r\n' },
    isSecondTurn: true,
    isIdle: true,
    hears: {
      delay: 'the answer',
      throttle: 'the answer',
      cut: 'the answer',
      reset: 'the answer',
      silence: 'first_event_timeout',
    },
  },
  {
    phase: 'between turns, as the next request comes',
    place: { way: 'toTarget' },
    isSecondTurn: true,
    hears: {
      delay: 'the answer',
      throttle: 'the answer',
      cut: 'provider_connection_lost',
      reset: 'provider_connection_lost',
      silence: 'first_event_timeout',
    },
  },
];
