/** The same faults with the openai SDK for Node: it repeats nothing by itself on a socket, and hands over what it gets. */
import type { Arrangement } from './fault-row.ts';
import { keyed, refuse } from './provider-faults.ts';
import { firstRequest } from './spoilers.ts';

export interface SdkRow {
  readonly happened: string;
  readonly arrange: () => Pick<Arrangement, 'provider' | 'route' | 'secrets'> & {
    readonly meanwhile?: (
      stage: Pick<Parameters<NonNullable<Arrangement['meanwhile']>>[0], 'provider' | 'bridge'>,
    ) => Promise<void>;
  };
  /** In the words of words.ts. */
  readonly gets: readonly string[];
  /** What becomes of `lane.finalResponse()`. */
  readonly lane: string;
  /** Whether the next request on the same socket is answered. */
  readonly socket: 'stays open' | 'is closed' | 'never opens';
}

/** The first request meets the fault, the following ones are answered. */
function once(fault: ReturnType<NonNullable<Arrangement['provider']>>): SdkRow['arrange'] {
  return () => ({ provider: (number) => (number === 1 ? fault : undefined) });
}

const stalled = [{ begin: true }, { stall: true }] as const;

export const sdkRows: readonly SdkRow[] = [
  {
    happened: 'the provider refuses the request: 400',
    arrange: once('bad-request'),
    gets: ['error 400 invalid_value'],
    lane: 'rejects, status 400',
    socket: 'stays open',
  },
  {
    happened: '… 422, or another 4xx that no retry mends',
    arrange: once(refuse(422, { message: 'field required' })),
    gets: ['error 400 invalid_request_error'],
    lane: 'rejects, status 400',
    socket: 'stays open',
  },
  {
    happened: 'the provider is busy: 429',
    arrange: once('rate-limited'),
    gets: ['error 429 rate_limit_exceeded, retry after 1 s'],
    lane: 'rejects, status 429',
    socket: 'stays open',
  },
  {
    happened: 'the stream ends before any event',
    arrange: once([{ open: true }, { end: true }]),
    gets: ['error 502 provider_stream_ended'],
    lane: 'rejects, status 502',
    socket: 'stays open',
  },
  {
    happened: 'the stream ends after some text',
    arrange: once('cut'),
    gets: ['response.failed provider_stream_ended'],
    lane: 'resolves, `failed`',
    socket: 'stays open',
  },
  {
    happened: '`error` event `server_is_overloaded`, after `response.created`',
    arrange: once([{ begin: true }, { error: { code: 'server_is_overloaded', message: 'Full.' } }]),
    gets: ['response.failed rate_limit_exceeded'],
    lane: 'resolves, `failed`',
    socket: 'stays open',
  },
  {
    happened: '`response.incomplete`',
    arrange: once([{ text: 'Half an', unfinished: true }, { incomplete: 'max_output_tokens' }]),
    gets: ['response.incomplete max_output_tokens'],
    lane: 'resolves, `incomplete`',
    socket: 'stays open',
  },
  {
    happened: 'the drain’s deadline in mid turn',
    arrange: () => ({
      provider: (number) => (number === 1 ? stalled : undefined),
      async meanwhile({ provider, bridge }) {
        await firstRequest({ provider });
        await bridge.drain({ deadlineMs: 0 });
      },
    }),
    gets: ['error 400 websocket_connection_limit_reached', 'close 1012'],
    lane: 'rejects, status 400',
    socket: 'is closed',
  },
  {
    happened: 'a drain; the turn ends in time',
    arrange: () => ({
      async meanwhile({ provider, bridge }) {
        await firstRequest({ provider });
        await bridge.drain();
      },
    }),
    gets: ['close 1012'],
    lane: 'resolves, `completed`',
    socket: 'is closed',
  },
  {
    happened: 'a key that the route does not know',
    arrange: () => ({ route: keyed, secrets: { keys: { alice: 'the-key-of-alice' } } }),
    gets: ['Unexpected server response: 401'],
    lane: '–',
    socket: 'never opens',
  },
  {
    happened: '`clients.webSocket: Disabled`',
    arrange: () => ({ route: { clients: { auth: { type: 'None' }, webSocket: 'Disabled' } } }),
    gets: ['Unexpected server response: 426'],
    lane: '–',
    socket: 'never opens',
  },
];
