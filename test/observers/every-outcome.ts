/**
 * Traffic that makes every metric move: a round has a turn of each outcome that a test can bring about, frames and
 * handshakes that are refused, a client that reads slowly, a lane that is full.
 */
import { connect, type TestClient } from '../harness/connect.ts';
import type { RouteWishes } from '../harness/bridge.ts';
import { within } from '../harness/wait-for.ts';
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
const further = Array.from({ length: 53 }, (_, number) => `model-${number}`);

/** Refused by the first provider, and served by the second one, which knows no other model, and has no WebSocket for now. */
const moving = 'moving';

/** What `fakeProvider` makes of the second provider: turns try its WebSocket each time, and go over HTTP. */
export const withoutSockets = { webSocket: { refuse: { status: 503 } } } as const;

/** Larger messages go over HTTP: most turns here do, since endings are not the same on a WebSocket. */
const maxSocketBytes = 4_096;
const task = said('go'.padEnd(maxSocketBytes));

/**
 * A route that names all these models; turns give up after a second of silence, and two may wait. Its first provider has
 * WebSockets, and is never left alone, or it would not be asked for `moving`.
 * @param urls of the two providers
 */
export function everyRoute(urls: readonly [string, string]): RouteWishes {
  const auth = { type: 'None' };
  return {
    match: { models: [whole, incomplete, moving, ...scripted, ...further] },
    timeouts: { firstEventSeconds: 1 },
    limits: { maxQueuedTurns: 2 },
    providers: [
      {
        name: 'scripted',
        url: urls[0],
        transport: 'Auto',
        auth,
        limits: { maxWebSocketMessageBytes: maxSocketBytes },
        health: { consecutiveFailures: 100 },
      },
      { name: 'other', url: urls[1], transport: 'Auto', auth, priority: 1, models: [moving] },
    ],
  };
}

const limitsLeft = {
  'x-ratelimit-limit-requests': '100',
  'x-ratelimit-remaining-requests': '40',
  'x-ratelimit-limit-tokens': '1000',
  'x-ratelimit-remaining-tokens': '900',
};

/** What the first provider answers to these models. */
export const everyAnswer: AnswerFunction = ({ body }) => {
  const [, name] = /^scripted\/(.+)$/.exec(String(body['model'])) ?? [];
  if (name !== undefined) return name;
  if (body['model'] === moving) return { status: { code: 503, body: {} } };
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
  return {
    headers: limitsLeft,
    steps: [{ reasoning: { summary: 'thinking' } }, { text: 'word ', repeat: 40, delayMs: 2 }, end],
  };
};

/** Of the longest part of a round, the one with many models, on a loaded machine: it takes some ten seconds. */
const partTimeoutMs = 120_000;

/** Plays a round. Resolves when all of it has ended; rejects with the name of a part that fails or does not end. */
export async function playRound(bridge: BridgeProcess): Promise<void> {
  const parts = {
    wholeTurns,
    failures,
    interrupted,
    abandoned,
    slowlyRead,
    fullLane,
    manyModels,
    refusedUpgrade,
    overHttp,
    overSockets,
    moved,
    passedOn,
  };
  await Promise.all(
    Object.entries(parts).map(async ([name, play]) => {
      try {
        await within(play(bridge), 'its end', partTimeoutMs);
      } catch (cause) {
        throw new Error(`${name} of a round of traffic: ${(cause as Error).message}`, { cause });
      }
    }),
  );
}

async function withClient(bridge: BridgeProcess, use: (client: TestClient) => Promise<void>): Promise<void> {
  const client = await connect(bridge.socketUrl, { headers: codexHeaders, ...patience });
  await use(client);
  await client.close(1000);
}

async function ask(client: TestClient, model: string, more: JsonObject = {}): Promise<JsonObject[]> {
  client.create({ model, input: [task], ...more });
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
    client.create({ model: 'scripted/slow', input: [task] });
    const id = await begun(client);
    if (id === undefined) return;
    client.send({ type: 'response.interrupt', response_id: id });
    await client.events(patience);
  });
}

async function abandoned(bridge: BridgeProcess): Promise<void> {
  const client = await connect(bridge.socketUrl, { headers: codexHeaders, ...patience });
  client.create({ model: 'scripted/slow', input: [task] });
  await begun(client);
  client.terminate();
}

/**
 * Waits for the first words of a turn. @returns its id; undefined: it gave up before, as it does when the machine lets its
 * provider wait for a second. Another round has another turn.
 */
async function begun(client: TestClient): Promise<string | undefined> {
  let id: string | undefined;
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const event = await client.next(undefined, patience);
    const type = String(event['type']);
    if (type === 'response.created') ({ id } = event['response'] as { id: string });
    if (type === 'response.output_text.delta') return id;
    if (/^(?:error|response\.(?:completed|incomplete|failed))$/.test(type)) return undefined;
  }
}

/** Takes nothing for as long as another client has a turn. */
function slowlyRead(bridge: BridgeProcess): Promise<void> {
  return withClient(bridge, async (client) => {
    client.stopReading();
    for (let n = 0; n < 3; n++) client.create({ model: 'scripted/huge', input: [task] });
    await pass(bridge);
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
    for (let n = 0; n < 6; n++) client.create({ model: whole, input: [task] });
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
    body: JSON.stringify({ model: whole, input: [task], stream: true }),
  });
  await response.text();
}

/** Two turns over the provider's WebSocket, which stays for a moment: it is seen by a scrape. */
function overSockets(bridge: BridgeProcess): Promise<void> {
  return withClient(bridge, async (client) => {
    await ask(client, whole, { input: [said('go')] });
    await ask(client, whole, { input: [said('go')] });
    await pass(bridge);
  });
}

/** A moment that is longer than the interval of scrapes: a turn that nobody answers. */
function pass(bridge: BridgeProcess): Promise<void> {
  return withClient(bridge, async (client) => void (await ask(client, 'scripted/silent')));
}

/**
 * Turns that move to another provider and there to HTTP, spread over the round, which is longer than the interval that
 * dashboards are asked for.
 */
function moved(bridge: BridgeProcess): Promise<void> {
  return withClient(bridge, async (client) => {
    for (let n = 0; n < 5; n++) {
      // oxlint-disable-next-line no-await-in-loop -- one lane
      await ask(client, moving);
      // oxlint-disable-next-line no-await-in-loop -- takes a second
      await ask(client, 'scripted/silent');
    }
  });
}

/** A WebSocket that stays for a moment: it is seen by a scrape. */
async function passedOn(bridge: BridgeProcess): Promise<void> {
  const client = await connect(`${bridge.url}/realtime?model=${whole}`, patience);
  await pass(bridge);
  await client.close(1000);
}
