/** What a provider hears of the trace its attempt belongs to. */
import type { TraceHeaders } from '../provider/provider.ts';
import { hostKind } from '../route/host-kind.ts';
import type { CompiledProvider } from '../route/snapshot.ts';
import type { TraceIds } from './facts.ts';

/**
 * `attempt` = the attempt's own span; `passthrough` = what the client sent; `none` = nothing; `auto` = `attempt` within
 * the cluster's networks, where whoever gets it exports to the same place, and `passthrough` beyond them.
 */
export type TracePropagation = 'auto' | 'attempt' | 'passthrough' | 'none';

const NOTHING: TraceHeaders = { traceparent: undefined, tracestate: undefined };

// a provider is a part of an immutable snapshot, and takes its entry with it
const innerProviders = new WeakMap<CompiledProvider, boolean>();

/** @returns undefined where the client's own headers pass, as any other header does. */
export function toTraceHeaders(
  trace: TraceIds | undefined,
  provider: CompiledProvider,
  propagation: TracePropagation,
): TraceHeaders | undefined {
  if (propagation === 'none') return NOTHING;
  if (trace === undefined || propagation === 'passthrough') return undefined;
  if (propagation === 'auto' && !isInner(provider)) return undefined;
  return {
    traceparent: `00-${trace.traceId}-${trace.spanId}-${trace.isSampled ? '01' : '00'}`,
    tracestate: trace.traceState === '' ? undefined : trace.traceState,
  };
}

function isInner(provider: CompiledProvider): boolean {
  let isInnerHost = innerProviders.get(provider);
  if (isInnerHost === undefined) {
    isInnerHost = hostKind(new URL(provider.origin).hostname) !== 'public';
    innerProviders.set(provider, isInnerHost);
  }
  return isInnerHost;
}
