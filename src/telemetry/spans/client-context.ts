/** What becomes of the trace that a client says its request belongs to. */
import {
  isSpanContextValid,
  ROOT_CONTEXT,
  trace,
  type Context,
  type Link,
  type TextMapPropagator,
} from '@opentelemetry/api';
import type { ClientTrace, TracePolicy } from '../../turn/facts.ts';
import { trustingSampling } from './trace-sampler.ts';

/** Where a new span stands: its parent, if there is one, and what it is linked to. */
export interface ClientContext {
  readonly parent: Context;
  readonly links: readonly Link[];
  /**
   * `tracestate` of the parent, for a provider to whom the trace is handed on. It stands in no context, and so in no
   * span: it is text of the client's own making.
   */
  readonly traceState: string;
}

const NOBODY: ClientContext = { parent: ROOT_CONTEXT, links: [], traceState: '' };

/**
 * A text that is no trace context counts as none. Baggage is not read at all.
 * @param propagator W3C Trace Context.
 */
export function toClientContext(
  given: ClientTrace | undefined,
  policy: TracePolicy,
  propagator: TextMapPropagator,
): ClientContext {
  if (given === undefined || policy === 'Ignore') return NOBODY;
  const carrier = { traceparent: given.traceparent, tracestate: given.tracestate };
  const extracted = trace.getSpanContext(propagator.extract(ROOT_CONTEXT, carrier, GETTER));
  if (extracted === undefined || !isSpanContextValid(extracted)) return NOBODY;
  const { traceState, ...context } = extracted;
  if (policy === 'Link')
    return { ...NOBODY, links: [{ context, attributes: { 'turnbridge.link': 'client' } }] };
  const parent = trace.setSpanContext(ROOT_CONTEXT, context);
  return {
    parent: policy === 'ParentSampled' ? trustingSampling(parent) : parent,
    links: [],
    traceState: traceState?.serialize() ?? '',
  };
}

const GETTER = {
  keys: (carrier: Readonly<Record<string, string | undefined>>) => Object.keys(carrier),
  get: (carrier: Readonly<Record<string, string | undefined>>, key: string) => carrier[key],
};
