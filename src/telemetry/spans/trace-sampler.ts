/**
 * Which traces are kept. The decision is a function of the trace's id, so that all replicas decide alike; a client's
 * own flag counts only where its route says that it is trusted. That holds a share among honest clients, and is no
 * defence: under `Parent` the id is the client's to choose, and one that ends in `00000000` is always kept, one in
 * `ffffffff` never (unless all are). For clients of other people there are `Link` and `Ignore`: then the id is ours.
 */
import { createContextKey, trace, TraceFlags, type Context } from '@opentelemetry/api';

const TRUSTED = createContextKey('turnbridge: the parent decides about sampling');

/** The remote parent in this context decides about its children. */
export function trustingSampling(context: Context): Context {
  return context.setValue(TRUSTED, true);
}

/** What a sampler answers; the numbers of the SDK's SamplingDecision. */
interface Decision {
  readonly decision: 0 | 2;
}

const DROP: Decision = { decision: 0 };
const KEEP: Decision = { decision: 2 };

/** A sampler as the SDK wants one. */
export class TraceSampler {
  readonly #bound: number;
  readonly #ratio: number;

  /** @param ratio Share of traces that are kept, 0 to 1. */
  constructor(ratio: number) {
    this.#ratio = ratio;
    this.#bound = Math.floor(ratio * 0x1_0000_0000);
  }

  shouldSample(context: Context, traceId: string): Decision {
    const parent = trace.getSpanContext(context);
    if (parent !== undefined && (parent.isRemote !== true || context.getValue(TRUSTED) === true))
      return (parent.traceFlags & TraceFlags.SAMPLED) === 0 ? DROP : KEEP;
    return this.#isKept(traceId) ? KEEP : DROP;
  }

  toString(): string {
    return `TraceSampler{${this.#ratio}}`;
  }

  /** By the last eight digits: the random ones in every scheme of ids that is in use. */
  #isKept(traceId: string): boolean {
    return Number.parseInt(traceId.slice(-8), 16) < this.#bound;
  }
}
