/** The bridge does not take what Codex sends. */
import { fewRetries, type FaultRow } from './fault-row.ts';

export const notTaken: readonly FaultRow[] = [
  {
    happened: 'no route for the model',
    arrange: () => ({ route: { match: { models: ['other'] } } }),
    gets: ['error 404 model_not_found'],
    does: { how: 'stops', sockets: 2, turns: 1, posts: 0 },
    sees: [
      'No route here serves the model "gpt-5.5". Ask for one that a route names, or have a route added for it.',
    ],
    advice: 'ask for another model, or have a route changed',
  },
  {
    happened: 'more than `limits.maxMessageBytes`',
    arrange: () => ({ route: { limits: { maxMessageBytes: 48_000 } }, prompt: 'x'.repeat(45_000) }),
    gets: ['error 400 payload_too_large'],
    does: { how: 'stops', sockets: 1, turns: 1, posts: 0 },
    sees: [
      '{… The frame has 58305 bytes; at most 48000 are taken (limits.maxMessageBytes). Send less, for example fewer or smaller images. …}',
    ],
    advice: 'send less, such as fewer or smaller images',
  },
  {
    happened: 'more than a quarter above `limits.maxMessageBytes`',
    arrange: () => ({
      route: { limits: { maxMessageBytes: 60_000 } },
      prompt: 'x'.repeat(100_000),
      codex: fewRetries,
    }),
    gets: ['close 1009', 'HTTP 400 payload_too_large'],
    does: { how: 'gives up', sockets: 2, turns: 2, posts: 1 },
    sees: [
      'Falling back from WebSockets to HTTPS transport. stream disconnected before completion: websocket closed by server before response.completed',
      '{… The body has more than 60000 bytes (limits.maxMessageBytes). Send less, for example fewer or smaller images. …}',
    ],
    advice: 'raise the limit: Codex repeats it in vain',
  },
  {
    happened: 'more than the provider’s `limits.maxRequestBytes`',
    arrange: () => ({ route: { provider: { limits: { maxRequestBytes: 1024 } } } }),
    gets: ['error 400 payload_too_large'],
    does: { how: 'stops', sockets: 1, turns: 1, posts: 0 },
    sees: ['{… provider scripted takes requests of 1024 bytes at most; this one has 34774. …}'],
    advice: 'send less, such as fewer or smaller images',
  },
  {
    happened: 'one request is more than the whole `--inbound-budget`',
    arrange: () => ({ bridge: { budgets: { inboundBytes: 4096 } }, codex: fewRetries }),
    gets: ['error 400 payload_too_large'],
    does: { how: 'stops', sockets: 2, turns: 1, posts: 0 },
    sees: [
      '{… The request has more than the 4096 bytes this bridge can hold (--inbound-budget). Send less, or have the budget raised. …}',
    ],
    advice: 'raise the budget: trying again is in vain',
  },
  {
    happened: 'one request is more than the whole `--inbound-budget`, and above 64 KiB',
    arrange: () => ({
      bridge: { budgets: { inboundBytes: 60_000 } },
      prompt: 'x'.repeat(110_000),
      codex: fewRetries,
    }),
    gets: ['close 1013', 'HTTP 400 payload_too_large'],
    does: { how: 'gives up', sockets: 2, turns: 2, posts: 1 },
    sees: [
      'Falling back from WebSockets to HTTPS transport. stream disconnected before completion: websocket closed by server before response.completed',
      '{… The request has more than the 60000 bytes this bridge can hold (--inbound-budget). Send less, or have the budget raised. …}',
    ],
    advice: 'raise the budget: Codex repeats it in vain',
  },
];
