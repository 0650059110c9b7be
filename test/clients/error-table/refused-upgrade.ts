/** The bridge does not let Codex in. */
import { connect, type TestClient } from '../../harness/connect.ts';
import { fewRetries, type Arrangement, type FaultRow, type Stage } from './fault-row.ts';
import { handshakes, refusesWhatIsNew } from './spoilers.ts';
import { keyed } from './provider-faults.ts';

export const refusedUpgrade: readonly FaultRow[] = [
  {
    happened: 'a key that the route does not know',
    arrange: () => ({ route: keyed, secrets: { keys: { alice: 'the-key-of-alice' } }, codex: fewRetries }),
    gets: ['upgrade refused: 401 invalid_api_key', 'HTTP 401 invalid_api_key'],
    does: { how: 'gives up', sockets: 3, turns: 0, posts: 2 },
    sees: [
      'Falling back from WebSockets to HTTPS transport. unexpected status 401 Unauthorized: The API key is missing or is not one of this route\'s clients; send it as "Authorization: Bearer KEY"., url: URL',
      'Reconnecting... 1/1 (unexpected status 401 Unauthorized: The API key is missing or is not one of this route\'s clients; send it as "Authorization: Bearer KEY"., url: URL)',
      'unexpected status 401 Unauthorized: The API key is missing or is not one of this route\'s clients; send it as "Authorization: Bearer KEY"., url: URL',
    ],
    advice: 'use a key of the route',
  },
  {
    happened: 'a page’s `Origin` that the route does not name',
    arrange: () => ({ codex: { ...fewRetries, httpHeaders: { origin: 'https://elsewhere.example' } } }),
    gets: ['upgrade refused: 403 origin_not_allowed', 'HTTP 403 origin_not_allowed'],
    does: { how: 'gives up', sockets: 3, turns: 0, posts: 2 },
    sees: [
      'Falling back from WebSockets to HTTPS transport. unexpected status 403 Forbidden: Browsers may not call this route from their page; clients.allowedOrigins names those that may., url: URL',
      'Reconnecting... 1/1 (unexpected status 403 Forbidden: Browsers may not call this route from their page; clients.allowedOrigins names those that may., url: URL)',
      'unexpected status 403 Forbidden: Browsers may not call this route from their page; clients.allowedOrigins names those that may., url: URL',
    ],
    advice: 'name it in `clients.allowedOrigins`',
  },
  {
    happened: 'no route for this host and path',
    arrange: () => ({ route: { hostnames: ['codex.example.com'] }, codex: fewRetries }),
    gets: ['upgrade refused: 404 not_found', 'HTTP 404 not_found'],
    does: { how: 'gives up', sockets: 3, turns: 0, posts: 2 },
    sees: [
      'Falling back from WebSockets to HTTPS transport. unexpected status 404 Not Found: No route serves this host and path; WebSockets are accepted on BASE/responses, such as /v1/responses., url: URL',
      'Reconnecting... 1/1 (unexpected status 404 Not Found: No route serves this host and path; turns are accepted on BASE/responses, such as /v1/responses., url: URL)',
      'unexpected status 404 Not Found: No route serves this host and path; turns are accepted on BASE/responses, such as /v1/responses., url: URL',
    ],
    advice: 'correct Codex’s `base_url`, or the route',
  },
  {
    happened: 'a request that has been here before',
    arrange: () => ({
      bridge: { installationId: 'here' },
      codex: { httpHeaders: { 'x-turnbridge-via': 'here' } },
    }),
    gets: ['upgrade refused: 400 loop_detected'],
    does: { how: 'stops', sockets: 2, turns: 0, posts: 0 },
    sees: [
      '{… This request has passed through this bridge before: a provider URL of a route leads back to it. Correct the url. …}',
    ],
    advice: 'correct the provider’s `url`',
  },
  {
    happened: '`clients.webSocket: Disabled`',
    arrange: () => ({ route: { clients: { auth: { type: 'None' }, webSocket: 'Disabled' } } }),
    gets: ['upgrade refused: 426 websocket_upgrade_required'],
    does: { how: 'goes to HTTP', sockets: 1, turns: 0, posts: 1 },
    sees: [],
    advice: 'a new thread is needed once it is enabled again',
  },
  {
    happened: 'a bridge that drains, and another one a moment later',
    arrange: () => ({
      provider: (number) => (number === 1 ? [{ begin: true }, { stall: true }] : undefined),
      before: drainWhileBusy,
      meanwhile: moveOn,
    }),
    gets: ['upgrade refused: 503 server_draining, retry after 1 s'],
    does: { how: 'tries again', sockets: 3, turns: 1, posts: 0, afterS: 1 },
    sees: [],
    advice: '',
  },
  {
    happened: 'a bridge without routes, and another one a moment later',
    arrange: () => ({ bridge: { routes: '' }, meanwhile: moveOn }),
    gets: ['upgrade refused: 503 not_ready, retry after 1 s'],
    does: { how: 'tries again', sockets: 3, turns: 1, posts: 0, afterS: 1 },
    sees: [],
    advice: 'see why no route is loaded',
  },
  {
    happened: 'too many connections, until one is closed',
    arrange: () => ({ route: { limits: { maxConnections: 1 } }, ...busyPlace() }),
    gets: ['upgrade refused: 503 too_many_connections, retry after 2 s'],
    does: { how: 'tries again', sockets: 3, turns: 1, posts: 0, afterS: 2 },
    sees: [],
    advice: 'raise the limit, or add pods',
  },
];

/** Once both handshakes were refused (the warm-up's, then the turn's), the next one finds another bridge. */
async function moveOn(stage: Stage): Promise<void> {
  const next = await stage.openNext();
  await handshakes(stage, 2);
  stage.tap.retarget(next.port);
}

/** Somebody else has the only connection, until Codex was refused twice. */
function busyPlace(): Pick<Arrangement, 'before' | 'meanwhile'> {
  let other: TestClient | undefined;
  return {
    async before({ bridge }) {
      other = await connect(`${bridge.url}/responses`);
    },
    async meanwhile(stage) {
      await handshakes(stage, 2);
      await other?.close();
    },
  };
}

/** Somebody's turn keeps the draining bridge from leaving. */
async function drainWhileBusy(stage: Stage): Promise<void> {
  const busy = stage.own(await connect(`${stage.bridge.url}/responses`));
  busy.create({ model: 'm' });
  await busy.next('response.created');
  void stage.bridge.drain();
  await refusesWhatIsNew(stage);
}
