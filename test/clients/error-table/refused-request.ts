/** The provider does not take the request. */
import { always, fewRetries, once, type FaultRow } from './fault-row.ts';
import { passthrough, refuse } from './provider-faults.ts';

export const refusedRequest: readonly FaultRow[] = [
  {
    happened: '400 with a code of its own',
    arrange: once(
      refuse(400, { type: 'invalid_request_error', code: 'no_cats', message: 'No images of cats.' }),
    ),
    gets: ['error 400 no_cats'],
    does: { how: 'stops', sockets: 1, turns: 1, posts: 0 },
    sees: ['{… No images of cats. …}'],
    advice: 'mend the request; the text is the provider’s',
  },
  {
    happened: '400 `context_length_exceeded`',
    arrange: once(
      refuse(400, { type: 'invalid_request_error', code: 'context_length_exceeded', message: 'Too long.' }),
    ),
    gets: ['error 400 context_length_exceeded'],
    does: { how: 'stops', sockets: 1, turns: 1, posts: 0 },
    sees: [
      "Codex ran out of room in the model's context window. Start a new thread or clear earlier history before retrying.",
    ],
    advice: 'start a new thread, or compact',
  },
  {
    happened: '400 `previous_response_not_found`',
    arrange: once(
      refuse(400, {
        type: 'invalid_request_error',
        code: 'previous_response_not_found',
        message: 'Unknown.',
      }),
    ),
    gets: ['error 400 previous_response_not_found'],
    does: { how: 'tries again', sockets: 2, turns: 2, posts: 0 },
    sees: [],
    advice: '',
  },
  {
    happened: '401 to the key that the bridge holds',
    arrange: once(
      refuse(401, {
        type: 'invalid_request_error',
        code: 'invalid_api_key',
        message: 'Incorrect API key provided.',
      }),
    ),
    gets: ['error 400 provider_unauthorized'],
    does: { how: 'stops', sockets: 1, turns: 1, posts: 0 },
    sees: [
      '{… Provider scripted refused the credentials that this bridge holds for it (status 401). Whoever runs the bridge has to mend them; trying again will not help. …}',
    ],
    advice: 'put a valid key into the route’s Secret',
  },
  {
    happened: '403 to the key that the bridge holds',
    arrange: once(
      refuse(403, { type: 'invalid_request_error', code: 'unsupported_country', message: 'Not here.' }),
    ),
    gets: ['error 400 provider_unauthorized'],
    does: { how: 'stops', sockets: 1, turns: 1, posts: 0 },
    sees: [
      '{… Provider scripted refused the credentials that this bridge holds for it (status 403). Whoever runs the bridge has to mend them; trying again will not help. …}',
    ],
    advice: 'give that key the right, or the route another one',
  },
  {
    happened: '401 to the client’s own key',
    arrange: always(
      refuse(401, {
        type: 'invalid_request_error',
        code: 'invalid_api_key',
        message: 'Incorrect API key provided.',
      }),
      { route: passthrough, codex: fewRetries },
    ),
    gets: ['error 401 invalid_api_key', 'HTTP 401 invalid_api_key'],
    does: { how: 'gives up', sockets: 2, turns: 2, posts: 2 },
    sees: [
      'Falling back from WebSockets to HTTPS transport. unexpected status 401 Unauthorized: Incorrect API key provided.',
      'Reconnecting... 1/1 (unexpected status 401 Unauthorized: Incorrect API key provided., url: URL)',
      'unexpected status 401 Unauthorized: Incorrect API key provided., url: URL',
    ],
    advice: 'use a valid key; log in again',
  },
  {
    happened: '403 to the client’s own key',
    arrange: always(
      refuse(403, { type: 'invalid_request_error', code: 'unsupported_country', message: 'Not here.' }),
      { route: passthrough, codex: fewRetries },
    ),
    gets: ['error 400 unsupported_country'],
    does: { how: 'stops', sockets: 1, turns: 1, posts: 0 },
    sees: ['{… Not here. …}'],
    advice: 'ask the provider for the right',
  },
  {
    happened: '402, out of credit',
    arrange: once(refuse(402, { code: 402, message: 'Out of credit.' })),
    gets: ['error 400 402'],
    does: { how: 'stops', sockets: 1, turns: 1, posts: 0 },
    sees: ['{… Out of credit. …}'],
    advice: 'settle the account',
  },
  {
    happened: '404 `model_not_found`',
    arrange: once(
      refuse(404, { type: 'invalid_request_error', code: 'model_not_found', message: 'No such model.' }),
    ),
    gets: ['error 404 model_not_found'],
    does: { how: 'stops', sockets: 1, turns: 1, posts: 0 },
    sees: ['No such model.'],
    advice: 'ask for another model, or set `modelMapping`',
  },
  {
    happened: '404 without a body',
    arrange: once({ status: { code: 404 } }),
    gets: ['error 400 not_found'],
    does: { how: 'stops', sockets: 1, turns: 1, posts: 0 },
    sees: ['{… Provider scripted answered with status 404. …}'],
    advice: 'check the path in the provider’s `url`',
  },
  {
    happened: '408',
    arrange: once(refuse(408, { type: 'server_error', code: null, message: 'Took too long.' })),
    gets: ['error 408 server_error'],
    does: { how: 'tries again', sockets: 2, turns: 2, posts: 0 },
    sees: [],
    advice: '',
  },
  {
    happened: '409',
    arrange: once(refuse(409, { type: 'invalid_request_error', code: null, message: 'Conflict.' })),
    gets: ['error 409 invalid_request_error'],
    does: { how: 'tries again', sockets: 2, turns: 2, posts: 0 },
    sees: [],
    advice: '',
  },
  {
    happened: '413',
    arrange: once({ status: { code: 413, body: '<html>Too large</html>' } }),
    gets: ['error 400 payload_too_large'],
    does: { how: 'stops', sockets: 1, turns: 1, posts: 0 },
    sees: ['{… Provider scripted answered with status 413. …}'],
    advice: 'send less, such as fewer or smaller images',
  },
  {
    happened: '422, FastAPI’s form',
    arrange: once({ status: { code: 422, body: { detail: 'field required' } } }),
    gets: ['error 400 invalid_request_error'],
    does: { how: 'stops', sockets: 1, turns: 1, posts: 0 },
    sees: ['{… field required …}'],
    advice: 'mend the request; see `dialect` and `modelMapping`',
  },
];
