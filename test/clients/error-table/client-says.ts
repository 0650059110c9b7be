/** What a client may not say. Codex never does; the plain client of the tests does it. */
import type { TestClient } from '../../harness/connect.ts';
import type { Step } from '../../../src/scripted/script.ts';
import type { Scene, SceneWishes } from '../../protocol/scene.ts';
import { refusesWhatIsNew } from './spoilers.ts';

export interface ClientRow {
  readonly happened: string;
  /** Says it; then the connection is as the row tells. */
  readonly says: (client: TestClient, scene: Scene) => Promise<void> | void;
  readonly scene?: SceneWishes;
  /** In the words of words.ts. */
  readonly gets: readonly string[];
  readonly connection: 'stays open' | 'closes';
  readonly advice: string;
}

/** An answer that never ends. */
const endless: readonly Step[] = [{ begin: true }, { stall: true }];

/** Sends one `response.create` with these members. */
function creates(members: object): ClientRow['says'] {
  return (client) => client.create({ model: 'm', ...members });
}

export const clientSays: readonly ClientRow[] = [
  {
    happened: 'a text that is no JSON object',
    says: (client) => client.send('{"type":"response.create",'),
    gets: ['error 400 invalid_json'],
    connection: 'stays open',
    advice: 'send one JSON object; the message names the byte',
  },
  {
    happened: 'an event that clients may not send',
    says: (client) => client.send({ type: 'response.cancel' }),
    gets: ['error 400 unknown_event'],
    connection: 'stays open',
    advice: 'see the list in the message',
  },
  {
    happened: '`response.append`',
    says: (client) => client.send({ type: 'response.append', input: [] }),
    gets: ['error 400 legacy_event'],
    connection: 'stays open',
    advice: 'send `response.create` with `previous_response_id`',
  },
  {
    happened: 'a binary message',
    says: (client) => client.send(Buffer.from('{"type":"response.create"}')),
    gets: ['error 400 unsupported_frame_type'],
    connection: 'stays open',
    advice: 'send text',
  },
  {
    happened: 'a lane with a blank in its name',
    says: creates({ stream_id: 'my lane' }),
    gets: ['error 400 invalid_stream_id'],
    connection: 'stays open',
    advice: '1 to 256 of `A-Z a-z 0-9 _ . -`',
  },
  {
    happened: 'one lane more than `limits.maxLanes`',
    says: async (client) => {
      for (let lane = 1; lane <= 33; lane += 1) client.create({ model: 'm', stream_id: `lane-${lane}` });
      await client.next('error');
    },
    gets: ['error 400 websocket_stream_limit_reached'],
    connection: 'stays open',
    advice: 'use a lane again, or another connection',
  },
  {
    happened: 'a member of the wrong type',
    says: creates({ input: 7 }),
    gets: ['error 400 invalid_request'],
    connection: 'stays open',
    advice: 'correct what `param` names',
  },
  {
    happened: '`background: true`',
    says: creates({ background: true }),
    gets: ['error 400 unsupported_parameter'],
    connection: 'stays open',
    advice: 'leave it out',
  },
  {
    happened: 'a `previous_response_id` that this connection has not seen',
    says: creates({ previous_response_id: 'resp_of_yesterday' }),
    gets: ['error 400 previous_response_not_found'],
    connection: 'stays open',
    advice: 'send the whole input without it',
  },
  {
    happened: 'one turn more than `limits.maxQueuedTurns` while one runs',
    scene: { script: endless, route: { limits: { maxQueuedTurns: 1 } } },
    says: async (client) => {
      client.create({ model: 'm' });
      await client.next('response.created');
      client.create({ model: 'm' });
      client.create({ model: 'm' });
    },
    gets: ['error 429 queue_full, retry after 1 s'],
    connection: 'stays open',
    advice: 'wait until one has ended',
  },
  {
    happened: 'a turn on a connection that is about to close',
    scene: { script: endless },
    says: async (client, { bridge }) => {
      client.create({ model: 'm' });
      await client.next('response.created');
      void bridge.drain({ deadlineMs: 500 });
      await refusesWhatIsNew({ bridge });
      client.create({ model: 'm', stream_id: 'late' });
    },
    gets: ['error 400 websocket_connection_limit_reached', 'close 1012'],
    connection: 'closes',
    advice: 'open another connection, send the whole input',
  },
  {
    happened: 'more than `limits.maxMessageBytes`',
    scene: { route: { limits: { maxMessageBytes: 1024 } } },
    says: creates({ input: 'x'.repeat(1_100) }),
    gets: ['error 400 payload_too_large'],
    connection: 'stays open',
    advice: 'send less',
  },
  {
    happened: 'more than a quarter above `limits.maxMessageBytes`',
    scene: { route: { limits: { maxMessageBytes: 1024 } } },
    says: creates({ input: 'x'.repeat(2_000) }),
    gets: ['close 1009'],
    connection: 'closes',
    advice: 'send less',
  },
];
