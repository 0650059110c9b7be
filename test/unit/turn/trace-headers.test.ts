import { expect, test } from '@jest/globals';
import { toTraceHeaders } from '../../../src/turn/trace-headers.ts';
import { aProvider } from '../../harness/compiled-route.ts';

const TRACE = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), isSampled: true, traceState: '' };
const OURS = `00-${TRACE.traceId}-${TRACE.spanId}-01`;
const NOTHING = { traceparent: undefined, tracestate: undefined };
const inner = aProvider({ origin: 'http://vllm.models.svc.cluster.local:8000' });
const outer = aProvider({ origin: 'https://api.openai.com' });

test.each([
  ['auto', inner, { traceparent: OURS, tracestate: undefined }],
  ['auto', outer, undefined],
  ['attempt', outer, { traceparent: OURS, tracestate: undefined }],
  ['passthrough', inner, undefined],
  ['none', inner, NOTHING],
  ['none', outer, NOTHING],
] as const)('%s, to %j', (propagation, provider, expected) => {
  expect(toTraceHeaders(TRACE, provider, propagation)).toEqual(expected);
});

test.each([
  ['http://127.0.0.1:8000', true],
  ['http://[::1]:8000', true],
  ['http://10.1.2.3', true],
  ['http://192.168.1.1', true],
  ['http://[fd00::1]', true],
  ['http://vllm', true],
  ['http://vllm.models.svc', true],
  ['https://api.openai.com', false],
  ['https://8.8.8.8', false],
  ['https://[2606:4700::1]', false],
])('with auto, %s is within the cluster: %p', (origin, isInner) => {
  const headers = toTraceHeaders(TRACE, aProvider({ origin }), 'auto');
  expect(headers?.traceparent).toBe(isInner ? OURS : undefined);
});

test('a trace that is not kept says so, and a state goes with its trace', () => {
  const trace = { ...TRACE, isSampled: false, traceState: 'vendor=1' };
  expect(toTraceHeaders(trace, inner, 'attempt')).toEqual({
    traceparent: `00-${TRACE.traceId}-${TRACE.spanId}-00`,
    tracestate: 'vendor=1',
  });
});

test('without a trace of ours the client is not spoken over, unless nothing may pass', () => {
  for (const propagation of ['auto', 'attempt', 'passthrough'] as const)
    expect(toTraceHeaders(undefined, inner, propagation)).toBeUndefined();
  expect(toTraceHeaders(undefined, inner, 'none')).toEqual(NOTHING);
});
