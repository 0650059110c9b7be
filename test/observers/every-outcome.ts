/**
 * Traffic that makes every metric move: a round has a turn of each outcome that a test can bring about, frames and
 * handshakes that are refused, a client that reads slowly, a lane that is full.
 */
import { connect, type TestClient } from '../harness/connect.ts';
import type { RouteWishes } from '../harness/bridge.ts';
import type { BridgeProcess } from '../load/bridge-process.ts';
import { codexHeaders, idOf, said, type JsonObject } from '../protocol/scene.ts';
import type { AnswerFunction } from '../../src/scripted/script.ts';

/** Generous: the machine may be busy with a Prometheus and much else. */
const patience = { timeoutMs: 30_000 };

/** Answered by {@link everyAnswer}: some reasoning, forty words, a usage with all its parts. */
export const whole = 'whole';
const incomplete = 'incomplete';
/** Answered by the built-in scripts of these names. */
const scripted = ['failed', 'overloaded', 'rate-limited', 'reset', 'slow', 'silent', 'huge', 'json'].map(
  (name) => `scripted/${name}`,
);
/** More models than metrics keep apart (50), so that the last ones count as `other`. */
const further = Array.from({ length: 54 }, (_, number) => `model-${number}`);

/** A route that names all these models; turns give up after a second of silence, and two may wait. */
export const everyRoute: RouteWishes = {
  match: { models: [whole, incomplete, ...scripted, ...further] },
  timeouts: { firstEventSeconds: 1 },
  limits: { maxQueuedTurns: 2 },
};

/** What the provider answers to these models. */
export const everyAnswer: AnswerFunction = ({ body }) => {
  const [, name] = /^scripted\/(.+)$/.exec(String(body['model'])) ?? [];
  if (name !== undefined) return name;
  if (body['model'] === incomplete) return [{ text: 'as far as' }, { incomplete: 'max_output_tokens' }];
  const usage = {
    input_tokens: 1_000,
    input_tokens_details: { cached_tokens: 400, cache_write_tokens: 100 },
    output_tokens: 80,
    output_tokens_details: { reasoning_tokens: 20 },
    total_tokens: 1_080,
  };
  // some turns come without a report
  const end = body['model'] === 'model-0' ? { complete: { usage: null } } : { complete: { usage } };
  return [{ reasoning: { summary: 'thinking' } }, { text: 'word ', repeat: 40, delayMs: 2 }, end];
};

/** Plays a round. Resolves when all of it has ended. */
export async function playRound(bridge: BridgeProcess): Promise<void> {
  await Promise.all([
    wholeTurns(bridge),
    failures(bridge),
    interrupted(bridge),
    abandoned(bridge),
    slowlyRead(bridge),
    fullLane(bridge),
    manyModels(bridge),
    refusedUpgrade(bridge),
    overHttp(bridge),
  ]);
}

async function withClient(bridge: BridgeProcess, use: (client: TestClient) => Promise<void>): Promise<void> {
  const client = await connect(bridge.socketUrl, { headers: codexHeaders, ...patience });
  await use(client);
  await client.close(1000);
}

async function ask(client: TestClient, model: string, more: JsonObject = {}): Promise<JsonObject[]> {
  client.create({ model, input: [said('go')], ...more });
  return client.events(patience);
}

/** A warm-up, a whole turn, one that continues it, and one that continues nothing. */
function wholeTurns(bridge: BridgeProcess): Promise<void> {
  return withClient(bridge, async (client) => {
    await ask(client, whole, { generate: false });
    const first = await ask(client, whole);
    await ask(client, whole, { previous_response_id: idOf(first) });
    await ask(client, whole, { previous_response_id: 'resp_of_nobody' });
    await ask(client, incomplete);
    client.send('no json');
    await client.next('error', patience);
  });
}

function failures(bridge: BridgeProcess): Promise<void> {
  return withClient(bridge, async (client) => {
    for (const name of ['failed', 'overloaded', 'rate-limited', 'reset', 'silent', 'json']) {
      // oxlint-disable-next-line no-await-in-loop -- one lane
      await ask(client, `scripted/${name}`);
    }
    await ask(client, 'of-nobody'); // no route
  });
}

function interrupted(bridge: BridgeProcess): Promise<void> {
  return withClient(bridge, async (client) => {
    client.create({ model: 'scripted/slow', input: [said('go')] });
    const created = await client.next('response.created', patience);
    const { id } = created['response'] as { id: string };
    await client.next('response.output_text.delta', patience);
    client.send({ type: 'response.interrupt', response_id: id });
    await client.events(patience);
  });
}

async function abandoned(bridge: BridgeProcess): Promise<void> {
  const client = await connect(bridge.socketUrl, { headers: codexHeaders, ...patience });
  client.create({ model: 'scripted/slow', input: [said('go')] });
  await client.next('response.output_text.delta', patience);
  client.terminate();
}

/** Takes nothing for as long as another client has a turn. */
function slowlyRead(bridge: BridgeProcess): Promise<void> {
  return withClient(bridge, async (client) => {
    client.stopReading();
    for (let n = 0; n < 3; n++) client.create({ model: 'scripted/huge', input: [said('go')] });
    await withClient(bridge, async (other) => void (await ask(other, 'scripted/silent')));
    client.startReading();
    for (let n = 0; n < 3; n++) {
      // oxlint-disable-next-line no-await-in-loop -- one lane
      await client.events(patience);
    }
  });
}

/** One runs, two wait, the others are refused. */
function fullLane(bridge: BridgeProcess): Promise<void> {
  return withClient(bridge, async (client) => {
    for (let n = 0; n < 6; n++) client.create({ model: whole, input: [said('go')] });
    for (let n = 0; n < 6; n++) {
      // oxlint-disable-next-line no-await-in-loop -- one lane
      await client.events(patience);
    }
  });
}

function manyModels(bridge: BridgeProcess): Promise<void> {
  return withClient(bridge, async (client) => {
    for (const model of further) {
      // oxlint-disable-next-line no-await-in-loop -- one lane
      await ask(client, model);
    }
  });
}

async function refusedUpgrade(bridge: BridgeProcess): Promise<void> {
  await connect(bridge.socketUrl.replace('/v1/', '/v2/'), patience).catch(() => undefined);
}

async function overHttp(bridge: BridgeProcess): Promise<void> {
  const response = await fetch(`${bridge.url}/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: whole, input: 'go', stream: true }),
  });
  await response.text();
}
