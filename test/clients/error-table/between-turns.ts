/** Something changes while no turn runs. */
import { fakeProvider } from '../../harness/fake-provider.ts';
import { fewRetries, type FaultRow } from './fault-row.ts';
import { drainAndMove, firstSocketEnds, reload } from './spoilers.ts';
import { keyed } from './provider-faults.ts';

export const betweenTurns: readonly FaultRow[] = [
  {
    happened: 'a drain',
    arrange: () => ({ between: (stage) => drainAndMove(stage) }),
    gets: ['close 1012'],
    does: { how: 'reconnects', sockets: 2, turns: 2, posts: 0 },
    sees: [],
    advice: '',
  },
  {
    happened: '`limits.maxConnectionAgeSeconds`',
    arrange: () => ({ route: { limits: { maxConnectionAgeSeconds: 1 } }, between: firstSocketEnds }),
    gets: ['close 1012'],
    does: { how: 'reconnects', sockets: 2, turns: 2, posts: 0 },
    sees: [],
    advice: '',
  },
  {
    happened: 'the bridge is killed and another one is there',
    arrange: () => ({
      hasNetwork: true,
      between: async (stage) => {
        stage.network.reset();
        await firstSocketEnds(stage);
      },
    }),
    gets: ['TCP reset'],
    does: { how: 'reconnects', sockets: 2, turns: 2, posts: 0 },
    sees: [],
    advice: '',
  },
  {
    happened: 'something on the way ends the connection, without a word',
    arrange: () => ({
      hasNetwork: true,
      between: async (stage) => {
        stage.network.cut();
        await firstSocketEnds(stage);
      },
    }),
    gets: ['TCP end'],
    does: { how: 'reconnects', sockets: 2, turns: 2, posts: 0 },
    sees: [],
    advice: '',
  },
  {
    happened: 'the key of the client is revoked',
    arrange: () => ({
      route: keyed,
      secrets: { keys: { codex: 'client-key' } },
      codex: fewRetries,
      between: async (stage) => {
        await reload(stage, stage.routes.replace('client-key', 'another-key'));
        await firstSocketEnds(stage);
      },
    }),
    gets: ['close 1008', 'upgrade refused: 401 invalid_api_key', 'HTTP 401 invalid_api_key'],
    does: { how: 'gives up', sockets: 3, turns: 1, posts: 2 },
    sees: [
      'Falling back from WebSockets to HTTPS transport. unexpected status 401 Unauthorized: The API key is missing or is not one of this route\'s clients; send it as "Authorization: Bearer KEY"., url: URL',
      'Reconnecting... 1/1',
      'unexpected status 401 Unauthorized: The API key is missing or is not one of this route\'s clients; send it as "Authorization: Bearer KEY"., url: URL',
    ],
    advice: 'use a key of the route',
  },
  {
    happened: 'the route goes',
    arrange: () => ({
      codex: fewRetries,
      between: async (stage) => {
        await reload(stage, stage.routes.replace('"spec":{', '"spec":{"hostnames":["codex.example.com"],'));
        await firstSocketEnds(stage);
      },
    }),
    gets: ['close 1012', 'upgrade refused: 404 not_found', 'HTTP 404 not_found'],
    does: { how: 'gives up', sockets: 3, turns: 1, posts: 2 },
    sees: [
      'Falling back from WebSockets to HTTPS transport. unexpected status 404 Not Found: No route serves this host and path; WebSockets are accepted on BASE/responses, such as /v1/responses., url: URL',
      'Reconnecting... 1/1',
      'unexpected status 404 Not Found: No route serves this host and path; turns are accepted on BASE/responses, such as /v1/responses., url: URL',
    ],
    advice: 'put it back',
  },
  {
    happened: 'the route’s provider is another one now',
    arrange: () => ({
      between: async (stage) => {
        const other = stage.own(await fakeProvider([{ text: 'From the other provider' }]));
        await reload(stage, stage.routes.replace(stage.provider.url, other.url));
      },
    }),
    gets: [],
    does: { how: 'goes on', sockets: 1, turns: 2, posts: 0 },
    sees: [],
    answers: ['From the other provider'],
    advice: '',
  },
  {
    happened: 'the route’s models change, and Codex’s is none of them',
    arrange: () => ({
      between: (stage) =>
        reload(stage, stage.routes.replace('"spec":{', '"spec":{"match":{"models":["other"]},')),
    }),
    gets: ['error 404 model_not_found'],
    does: { how: 'stops', sockets: 1, turns: 2, posts: 0 },
    sees: [
      'No route here serves the model "gpt-5.5". Ask for one that a route names, or have a route added for it.',
    ],
    advice: 'ask for another model, or have a route changed',
  },
  {
    happened: 'WebSockets are switched off',
    arrange: () => ({
      between: async (stage) => {
        await reload(
          stage,
          stage.routes.replace('"type":"None"}}', '"type":"None"},"webSocket":"Disabled"}'),
        );
        await firstSocketEnds(stage);
      },
    }),
    gets: ['close 1012', 'upgrade refused: 426 websocket_upgrade_required'],
    does: { how: 'goes to HTTP', sockets: 2, turns: 1, posts: 1 },
    sees: [],
    advice: 'a new thread is needed once they are on again',
  },
  {
    happened: 'the conversation is longer than `continuation.maxBytesPerConnection`',
    arrange: () => ({ route: { continuation: { maxBytesPerConnection: 1024 } }, between: async () => {} }),
    gets: ['error 400 previous_response_not_found'],
    does: { how: 'tries again', sockets: 2, turns: 3, posts: 0 },
    sees: [],
    advice: 'if it is frequent, raise the limit',
  },
];
