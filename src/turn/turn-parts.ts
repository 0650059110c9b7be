/** What a turn is made of. */
import type { ResponseCreate } from '../frames/response-create.ts';
import type { ProviderSockets, ProviderTransport } from '../provider/provider.ts';
import type { Clock } from './clock.ts';
import type { TracePolicy, TurnFactListener, TurnRecord } from './facts.ts';
import type { LaneMemory } from './lane-memory.ts';
import type { ProviderChoice } from './provider-choice.ts';
import type { ProviderPins } from './provider-pins.ts';
import type { Pseudonyms } from './pseudonyms.ts';
import type { TracePropagation } from './trace-headers.ts';
import type { TurnClient, TurnSink } from './turn-client.ts';

/** What every turn of a process works with. */
export interface TurnTools {
  readonly transport: ProviderTransport;
  readonly providers: ProviderChoice;
  readonly clock: Clock;
  readonly facts: TurnFactListener;
  readonly pseudonyms: Pseudonyms;
  readonly propagation: TracePropagation;
  /** Somebody shows `TurnRecord.details`: they are read, which costs some microseconds a turn. */
  readonly readsDetails: boolean;
}

/** What one turn is made of. */
export interface TurnParts {
  readonly client: TurnClient;
  readonly sink: TurnSink;
  readonly create: ResponseCreate;
  readonly record: TurnRecord;
  /** What a trace of the client's means: that of the group which the request came in by. */
  readonly tracePolicy: TracePolicy;
  /** Undefined for HTTP requests: nothing is remembered. */
  readonly memory: LaneMemory | undefined;
  /** The lane's name; empty for the default one, and for HTTP requests. */
  readonly lane: string;
  /** Undefined for HTTP requests. */
  readonly pins: ProviderPins | undefined;
  /** To providers, of the client's connection or of its request. */
  readonly sockets: ProviderSockets;
  /** The request's bytes are no longer needed. Once, at the first event or the end. */
  readonly onBodyDone: () => void;
  /** The turn has ended; the last thing it calls. */
  readonly onEnded: () => void;
}
