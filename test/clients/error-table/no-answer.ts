/** The provider cannot be reached, or says nothing in time. */
import { closedUrl, namelessUrl } from '../../harness/nowhere.ts';
import { fewRetries, goodAnswer, heldSilence, once, patienceSeconds, type FaultRow } from './fault-row.ts';
import { speechless, untrusted } from './spoilers.ts';

export const noAnswer: readonly FaultRow[] = [
  {
    happened: 'nobody listens at its address',
    arrange: () => ({ providerUrl: async () => `${closedUrl}/v1`, codex: fewRetries }),
    gets: ['error 502 provider_unreachable', 'HTTP 502 provider_unreachable'],
    does: { how: 'gives up', sockets: 2, turns: 2, posts: 2 },
    sees: [
      'Falling back from WebSockets to HTTPS transport. unexpected status 502 Bad Gateway: provider scripted could not be reached: ECONNREFUSED.',
      'Reconnecting... 1/1 (unexpected status 502 Bad Gateway: provider scripted could not be reached: ECONNREFUSED., url: URL)',
      'unexpected status 502 Bad Gateway: provider scripted could not be reached: ECONNREFUSED., url: URL',
    ],
    advice: 'check the provider’s `url`, and whether it runs',
  },
  {
    happened: 'its name has no address',
    arrange: () => ({ providerUrl: async () => `${namelessUrl}/v1`, codex: fewRetries }),
    gets: ['error 502 provider_unreachable', 'HTTP 502 provider_unreachable'],
    does: { how: 'gives up', sockets: 2, turns: 2, posts: 2 },
    sees: [
      'Falling back from WebSockets to HTTPS transport. unexpected status 502 Bad Gateway: provider scripted could not be found: its host name has no address: ENOTFOUND.',
      'Reconnecting... 1/1 (unexpected status 502 Bad Gateway: provider scripted could not be found: its host name has no address: ENOTFOUND., url: URL)',
      'unexpected status 502 Bad Gateway: provider scripted could not be found: its host name has no address: ENOTFOUND., url: URL',
    ],
    advice: 'check the provider’s `url`, and DNS',
  },
  {
    happened: 'its certificate is not trusted',
    arrange: () => ({ providerUrl: untrusted, codex: fewRetries }),
    gets: ['error 502 provider_unreachable', 'HTTP 502 provider_unreachable'],
    does: { how: 'gives up', sockets: 2, turns: 2, posts: 2 },
    sees: [
      'Falling back from WebSockets to HTTPS transport. unexpected status 502 Bad Gateway: provider scripted was reached, but its certificate or TLS handshake was not accepted: UNABLE_TO_VERIFY_LEAF_SIGNATURE.',
      'Reconnecting... 1/1 (unexpected status 502 Bad Gateway: provider scripted was reached, but its certificate or TLS handshake was not accepted: UNABLE_TO_VERIFY_LEAF_SIGNATURE., url: URL)',
      'unexpected status 502 Bad Gateway: provider scripted was reached, but its certificate or TLS handshake was not accepted: UNABLE_TO_VERIFY_LEAF_SIGNATURE., url: URL',
    ],
    advice: 'set `tls.caCertificateRefs`',
  },
  {
    happened: 'it does not answer the TLS handshake (`timeouts.connectSeconds`)',
    arrange: () => ({
      providerUrl: speechless,
      route: { timeouts: { connectSeconds: 1 } },
      codex: fewRetries,
    }),
    gets: ['error 504 connect_timeout', 'HTTP 504 connect_timeout'],
    does: { how: 'gives up', sockets: 2, turns: 2, posts: 2 },
    sees: [
      'Falling back from WebSockets to HTTPS transport. unexpected status 504 Gateway Timeout: provider scripted did not accept a connection in time: UND_ERR_CONNECT_TIMEOUT.',
      'Reconnecting... 1/1 (unexpected status 504 Gateway Timeout: provider scripted did not accept a connection in time: UND_ERR_CONNECT_TIMEOUT., url: URL)',
      'unexpected status 504 Gateway Timeout: provider scripted did not accept a connection in time: UND_ERR_CONNECT_TIMEOUT., url: URL',
    ],
    advice: 'check the network, and the provider',
  },
  {
    happened: 'no event (`timeouts.firstEventSeconds`)',
    arrange: once('silent', { route: { timeouts: { firstEventSeconds: patienceSeconds } } }),
    gets: ['error 504 first_event_timeout'],
    does: { how: 'tries again', sockets: 2, turns: 2, posts: 0 },
    sees: [],
    advice: 'if it stays, raise the limit',
  },
  {
    happened: 'a stream that falls silent (`timeouts.idleSeconds`)',
    arrange: once([{ text: 'It begins', unfinished: true }, { stall: true }], {
      route: { timeouts: { idleSeconds: patienceSeconds } },
    }),
    gets: ['response.failed idle_timeout'],
    does: { how: 'tries again', sockets: 2, turns: 2, posts: 0 },
    sees: [],
    advice: 'if it stays, raise the limit',
  },
  {
    happened: 'a turn longer than `timeouts.turnDeadlineSeconds`',
    arrange: once([{ text: 'tick ', repeat: 100, delayMs: 100, unfinished: true }], {
      route: { timeouts: { turnDeadlineSeconds: patienceSeconds } },
    }),
    gets: ['response.failed turn_timeout'],
    does: { how: 'tries again', sockets: 2, turns: 2, posts: 0 },
    sees: [],
    advice: 'ask for less, or raise the limit: Codex asks for all of it again',
  },
  {
    happened: 'silence longer than Codex waits, bridged by the keep-alive',
    arrange: once([{ wait: heldSilence.ms }, { text: goodAnswer }], {
      bridge: { settings: { keepaliveMs: heldSilence.keepaliveMs } },
      codex: { streamIdleTimeoutMs: heldSilence.codexWaitsMs },
    }),
    gets: ['keepalive'],
    does: { how: 'goes on', sockets: 1, turns: 1, posts: 0 },
    sees: [],
    advice: '',
  },
  {
    happened: 'silence longer than Codex waits, with `--keepalive-interval 0`',
    arrange: once('silent', {
      bridge: { settings: { keepaliveMs: 0 } },
      codex: { streamIdleTimeoutMs: patienceSeconds * 1000 },
    }),
    gets: [],
    does: { how: 'tries again', sockets: 2, turns: 2, posts: 0 },
    sees: [],
    advice: 'leave the keep-alive on',
  },
];
