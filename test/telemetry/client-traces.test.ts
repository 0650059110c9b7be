/** Whose child a turn is, which traces are kept, and what a provider hears of them. */
import { describe, expect, test } from '@jest/globals';
import { routeTo } from '../harness/bridge.ts';
import type { LogLine } from '../harness/bridge.ts';
import { connect } from '../harness/connect.ts';
import type { ReceivedSpan } from '../harness/otlp-spans.ts';
import type { TracePropagation } from '../../src/turn/trace-headers.ts';
import type { TracePolicy } from '../../src/turn/facts.ts';
import { ask, logged, type Scene } from '../protocol/scene.ts';
import { clientTrace, handshakesOf, metadataWith, traced, turnsOf, turnTrace } from './traced.ts';

const POLICIES: readonly TracePolicy[] = ['Parent', 'ParentSampled', 'Link', 'Ignore'];

/** One path for each policy: it belongs to the group, and not to the route. */
const routes = (url: string): string =>
  POLICIES.map((trace) =>
    routeTo(url, {
      name: trace.toLowerCase(),
      match: { paths: [`/${trace.toLowerCase()}/v1`] },
      clients: { auth: { type: 'None' }, trace },
    }),
  ).join('---\n');

/** A client trace of its own for each policy and flag, in the frame and in the handshake. */
const numberOf = (policy: TracePolicy, flags: '00' | '01', where: 'frame' | 'handshake'): number =>
  1 + POLICIES.indexOf(policy) * 4 + Number(flags) * 2 + (where === 'frame' ? 0 : 1);

const CASES = POLICIES.flatMap((policy) => (['00', '01'] as const).map((flags) => ({ policy, flags })));

async function askAll(scene: Scene): Promise<void> {
  for (const { policy, flags } of CASES) {
    const { traceparent } = clientTrace(numberOf(policy, flags, 'handshake'), flags);
    const url = `http://127.0.0.1:${scene.bridge.port}/${policy.toLowerCase()}/v1/responses`;
    // oxlint-disable-next-line no-await-in-loop -- one after the other, as their lines
    await using client = await connect(url, { headers: { traceparent } });
    // oxlint-disable-next-line no-await-in-loop
    await ask(client, metadataWith(clientTrace(numberOf(policy, flags, 'frame'), flags).traceparent));
  }
}

describe('where all traces are kept', () => {
  let spans: readonly ReceivedSpan[];
  const played = (): Promise<readonly ReceivedSpan[]> =>
    (async () => (spans ??= await traced({ routes }, askAll)))();

  test.each(CASES)('a client of policy $policy with flag $flags', async ({ policy, flags }) => {
    await played();
    const route = `/${policy.toLowerCase()}/v1/responses`;
    const atRoute = ({ attributes }: ReceivedSpan) => attributes['url.path'] === route;
    for (const [where, found] of [
      ['frame', turnsOf(spans).filter(atRoute)],
      ['handshake', handshakesOf(spans).filter(atRoute)],
    ] as const) {
      const given = clientTrace(numberOf(policy, flags, where), flags);
      const child = found.find(({ traceId }) => traceId === given.traceId);
      const linked = found.find(({ links }) => links.some(({ traceId }) => traceId === given.traceId));
      const link = linked?.links.find(({ attributes }) => attributes['turnbridge.link'] === 'client');
      const isChild = policy === 'Parent' || (policy === 'ParentSampled' && flags === '01');
      expect({ count: found.length, parent: child?.parentSpanId, linked: link?.spanId }).toEqual({
        count: policy === 'ParentSampled' ? 1 : 2, // of both flags
        parent: isChild ? given.spanId : undefined,
        linked: policy === 'Link' ? given.spanId : undefined,
      });
      expect(linked?.parentSpanId ?? '').toBe('');
    }
  });
});

test('where no trace is kept, only a client that is trusted has one; the others have ids in the log and no span', async () => {
  let lines: readonly LogLine[] = [];
  const spans = await traced({ routes, ratio: 0 }, async (scene) => {
    await askAll(scene);
    lines = await logged(scene.bridge, 'turn.end', CASES.length);
  });
  const { traceId } = clientTrace(numberOf('ParentSampled', '01', 'frame'));
  const { turn, chat, attempt, dial } = turnTrace(spans);
  expect(turn.traceId).toBe(traceId);
  expect([chat, attempt].map((span) => span?.traceId)).toEqual([traceId, traceId]);
  expect(spans).toHaveLength(3 + (dial === undefined ? 0 : 1) + handshakesOf(spans).length);
  expect(handshakesOf(spans)).toHaveLength(1);
  expect(lines.filter((line) => line['trace_flags'] === '01')).toMatchObject([{ trace_id: traceId }]);
  expect(lines.filter((line) => /^[0-9a-f]{32}$/.test(String(line['trace_id'])))).toHaveLength(CASES.length);
});

test.each([
  ['no trace at all', 'garbage'],
  ['a trace of zeros', `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`],
  ['a span of zeros', `00-${'a'.repeat(32)}-${'0'.repeat(16)}-01`],
  ['a forbidden version', `ff-${'a'.repeat(32)}-${'b'.repeat(16)}-01`],
  ['too few digits', `00-${'a'.repeat(31)}-${'b'.repeat(16)}-01`],
  ['something after it', `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01-more`],
  ['more than the standard has', `01-${'a'.repeat(32)}-${'b'.repeat(16)}-01-${'x'.repeat(64)}`],
])('%s makes a trace of its own', async (_what, traceparent) => {
  const spans = await traced({}, async (scene) => {
    await ask(await scene.connect({ headers: { traceparent } }), metadataWith(traceparent));
  });
  const { turn, chat, attempt } = turnTrace(spans);
  for (const span of [turn, ...handshakesOf(spans)]) {
    expect(span.parentSpanId).toBe('');
    expect(span.traceId).toMatch(/^(?!a{31})[0-9a-f]{32}$/);
    expect(span.links.filter(({ attributes }) => attributes['turnbridge.link'] === 'client')).toEqual([]);
  }
  expect([chat, attempt].map((span) => span?.traceId)).toEqual([turn.traceId, turn.traceId]);
});

describe('a provider hears', () => {
  const client = clientTrace(7);
  const denied = { request: { deny: ['traceparent', 'tracestate'] } };
  const twoRoutes = (url: string): string =>
    [
      routeTo(url, { name: 'open', match: { models: ['open'] } }),
      routeTo(url, { name: 'closed', match: { models: ['closed'] }, headerPassthrough: denied }),
    ].join('---\n');

  const openAttempt = (spans: readonly ReceivedSpan[]) =>
    turnTrace(spans, ({ attributes }) => attributes['turnbridge.route'] === 'default/open').attempt;

  test.each([
    // loopback is within the cluster's networks
    ['auto', 'the attempt'],
    ['attempt', 'the attempt'],
    ['passthrough', 'the client'],
    ['none', 'nothing'],
  ] as const)('with %s of: %s, and nothing where the route denies it', async (propagation, whom) => {
    const heard: Record<string, unknown>[] = [];
    const spans = await traced(
      { routes: twoRoutes, telemetry: { propagation: propagation satisfies TracePropagation } },
      async (scene) => {
        const socket = await scene.connect({ headers: { traceparent: clientTrace(6).traceparent } });
        for (const model of ['open', 'closed']) {
          const { client_metadata } = metadataWith(client.traceparent);
          // oxlint-disable-next-line no-await-in-loop -- one after the other, as the provider counts them
          await ask(socket, {
            model,
            client_metadata: {
              ...client_metadata,
              ws_request_header_tracestate: 'vendor=1',
              ws_request_header_baggage: 'user=somebody',
            },
          });
        }
        heard.push(
          ...scene.provider.requests.map(({ headers, rawBody }) => ({
            traceparent: headers['traceparent'],
            tracestate: headers['tracestate'],
            baggage: headers['baggage'],
            inBody: rawBody.includes(client.traceId) || rawBody.includes('traceparent'),
          })),
        );
      },
    );
    const [traceparent, tracestate] = {
      'the attempt': [`00-${client.traceId}-${openAttempt(spans)?.spanId}-01`, 'vendor=1'],
      'the client': [client.traceparent, 'vendor=1'],
      nothing: [undefined, undefined],
    }[whom];
    expect(heard).toMatchObject([
      { traceparent, tracestate, baggage: undefined, inBody: false },
      { traceparent: undefined, tracestate: undefined, baggage: undefined, inBody: false },
    ]);
  });
});
