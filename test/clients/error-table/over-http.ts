/** The same where Codex uses HTTP from the start, or has fallen back to it. */
import {
  fewRetries,
  goodAnswer,
  heldSilence,
  once,
  patienceSeconds,
  type Arrangement,
  type FaultRow,
} from './fault-row.ts';
import { drainAndMove, firstRequest } from './spoilers.ts';
import { rateLimited, refuse } from './provider-faults.ts';

const byPost = { codex: { webSocket: false, ...fewRetries } } satisfies Partial<Arrangement>;

export const overHttp: readonly FaultRow[] = [
  {
    happened: '400 of the provider',
    arrange: once('bad-request', byPost),
    gets: ['HTTP 400 invalid_value'],
    does: { how: 'stops', sockets: 0, turns: 0, posts: 1 },
    sees: ['{… Invalid value in the request: this script refuses everything. …}'],
    advice: 'mend the request',
  },
  {
    happened: '422 of the provider',
    arrange: once(refuse(422, { message: 'field required' }), byPost),
    gets: ['HTTP 422'],
    does: { how: 'tries again', sockets: 0, turns: 0, posts: 2 },
    sees: ['Reconnecting... 1/1 (unexpected status 422 Unprocessable Entity: field required, url: URL)'],
    advice: 'mend the request',
  },
  {
    happened: '429 of the provider, with `retry-after: 1`',
    arrange: once(rateLimited({ 'retry-after': '1' }), byPost),
    gets: ['HTTP 429 rate_limit_exceeded, retry after 1 s'],
    does: { how: 'tries again', sockets: 0, turns: 0, posts: 2, afterS: 1 },
    sees: ['Reconnecting... 1/1 (exceeded retry limit, last status: 429 Too Many Requests)'],
    advice: '',
  },
  {
    happened: '429 that does not say for how long',
    arrange: once(rateLimited({}), byPost),
    gets: ['HTTP 429 rate_limit_exceeded, retry after 5 s'],
    does: { how: 'tries again', sockets: 0, turns: 0, posts: 2, afterS: 5 },
    sees: ['Reconnecting... 1/1 (exceeded retry limit, last status: 429 Too Many Requests)'],
    advice: 'have the provider send `retry-after`',
  },
  {
    happened: '503 `server_is_overloaded`',
    arrange: once('overloaded', byPost),
    gets: ['HTTP 503 server_is_overloaded, retry after 5 s'],
    does: { how: 'tries again', sockets: 0, turns: 0, posts: 2, afterS: 5 },
    sees: ['Reconnecting... 1/1 (Selected model is at capacity. Please try a different model.)'],
    advice: 'have the provider send `retry-after`',
  },
  {
    happened: '500 of the provider',
    arrange: once(refuse(500, { type: 'server_error', code: null, message: 'Oops.' }), byPost),
    gets: ['HTTP 500'],
    does: { how: 'tries again', sockets: 0, turns: 0, posts: 2 },
    sees: [
      'Reconnecting... 1/1 (We’re currently experiencing high demand, which may cause temporary errors.)',
    ],
    advice: '',
  },
  {
    happened: 'the stream ends before any event',
    arrange: once([{ open: true }, { end: true }], byPost),
    gets: ['HTTP 502 provider_stream_ended'],
    does: { how: 'tries again', sockets: 0, turns: 0, posts: 2 },
    sees: [
      'Reconnecting... 1/1 (unexpected status 502 Bad Gateway: Provider scripted ended its stream without a terminal event., url: URL)',
    ],
    advice: '',
  },
  {
    happened: 'the stream ends after some text',
    arrange: once('cut', byPost),
    gets: ['response.failed provider_stream_ended'],
    does: { how: 'tries again', sockets: 0, turns: 0, posts: 2 },
    sees: [
      'Reconnecting... 1/1 (stream disconnected before completion: Provider scripted ended its stream without a terminal event.)',
    ],
    advice: '',
  },
  {
    happened: 'the stream is reset after some text',
    arrange: once('reset', byPost),
    gets: ['response.failed provider_connection_lost'],
    does: { how: 'tries again', sockets: 0, turns: 0, posts: 2 },
    sees: [
      'Reconnecting... 1/1 (stream disconnected before completion: provider scripted closed the connection in the middle of its answer: ECONNRESET.)',
    ],
    advice: '',
  },
  {
    happened: '`error` event, flat, after `response.created`',
    arrange: once(
      [{ begin: true }, { error: { form: 'flat', code: 'server_error', message: 'Oops.' } }],
      byPost,
    ),
    gets: ['response.failed server_error'],
    does: { how: 'tries again', sockets: 0, turns: 0, posts: 2 },
    sees: ['Reconnecting... 1/1 (stream disconnected before completion: Oops.)'],
    advice: '',
  },
  {
    happened: '`error` event, with status 400, after `response.created`',
    arrange: once(
      [{ begin: true }, { error: { code: 'no_cats', status: 400, message: 'No cats.' } }],
      byPost,
    ),
    gets: ['response.failed invalid_prompt'],
    does: { how: 'stops', sockets: 0, turns: 0, posts: 1 },
    sees: ['No cats.'],
    advice: 'mend the request',
  },
  {
    happened: '`error` event `server_is_overloaded`, after `response.created`',
    arrange: once(
      [{ begin: true }, { error: { code: 'server_is_overloaded', message: 'Please try again in 1s.' } }],
      byPost,
    ),
    gets: ['response.failed rate_limit_exceeded'],
    does: { how: 'tries again', sockets: 0, turns: 0, posts: 2, afterS: 1 },
    sees: ['Reconnecting... 1/1 (rate limit exceeded: Please try again in 1s.)'],
    advice: '',
  },
  {
    happened: 'no event (`timeouts.firstEventSeconds`)',
    arrange: once('silent', { ...byPost, route: { timeouts: { firstEventSeconds: patienceSeconds } } }),
    gets: ['HTTP 504 first_event_timeout'],
    does: { how: 'tries again', sockets: 0, turns: 0, posts: 2 },
    sees: [
      `Reconnecting... 1/1 (unexpected status 504 Gateway Timeout: The provider sent no event within ${patienceSeconds} s (timeouts.firstEventSeconds)., url: URL)`,
    ],
    advice: 'if it stays, raise the limit',
  },
  {
    happened: 'silence longer than Codex waits',
    arrange: once([{ begin: true }, { wait: heldSilence.ms }, { text: goodAnswer }], {
      bridge: { settings: { keepaliveMs: heldSilence.keepaliveMs } },
      codex: { ...byPost.codex, streamIdleTimeoutMs: heldSilence.codexWaitsMs },
    }),
    gets: ['keepalive'],
    does: { how: 'goes on', sockets: 0, turns: 0, posts: 1 },
    sees: [],
    advice: '',
  },
  {
    happened: 'the drain’s deadline in mid turn',
    arrange: once([{ begin: true }, { stall: true }], {
      ...byPost,
      async meanwhile(stage) {
        await firstRequest(stage);
        await drainAndMove(stage, 0);
      },
    }),
    gets: ['response.failed server_draining'],
    does: { how: 'tries again', sockets: 0, turns: 0, posts: 2 },
    sees: ['Reconnecting... 1/1 (stream disconnected before completion: This bridge is shutting down.)'],
    advice: '',
  },
];
