/** A bridge with everything going on at once: turns of every ending, some slow, some queued, some under way. */
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { routeTo } from '../harness/bridge.ts';
import type { TestClient } from '../harness/connect.ts';
import { codexHeaders, idOf, openScene, said, type Scene } from '../protocol/scene.ts';
import type { RecordedRequest } from '../../src/scripted/recorded-request.ts';
import type { AnswerLike } from '../../src/scripted/script.ts';

/** How a provider answers one turn; times in milliseconds. */
interface Wish {
  /** Until `response.created`. */
  readonly first: number;
  /** From then to the first text. */
  readonly think: number;
  readonly words: number;
  readonly each: number;
  readonly tokens: readonly [input: number, cached: number, output: number];
  readonly end?: 'quota' | 'reset' | 'silent' | 'incomplete';
}

/** Between the first and the last turn that is begun. */
const LENGTH_MS = 9000;
const TURNS = 54;

/** Opens a bridge with three routes. Leave it as any scene. */
export async function openLively(): Promise<Scene> {
  const deaf = await closedPort();
  return openScene({
    script: answer,
    routes: (url) =>
      [
        routeTo(url, {
          name: 'coding',
          match: { models: ['gpt-5.5', 'gpt-5.5-mini'] },
          provider: { name: 'openai' },
        }),
        routeTo(url, {
          name: 'local',
          match: { models: ['qwen3-coder'] },
          provider: { name: 'vllm' },
          timeouts: { firstEventSeconds: 2 },
        }),
        routeTo(`http://127.0.0.1:${String(deaf)}/v1`, {
          name: 'research',
          match: { models: ['o5-pro'] },
          provider: { name: 'azure' },
        }),
      ].join('---\n'),
  });
}

/** Plays the turns. Resolves when the last one has begun: some are still under way, and stay so. */
export async function playLively(scene: Scene): Promise<void> {
  const clients: TestClient[] = [];
  for (let count = 0; count < 16; count++) {
    clients.push(
      await scene.connect({
        headers: count < 12 ? codexHeaders : { 'user-agent': 'OpenAI/Python 2.8.0' },
      }),
    );
  }
  const random = randomNumbers(7);
  for (let turn = 0; turn < TURNS; turn++) {
    const client = clients[turn % clients.length] as TestClient;
    begin(client, turn, random);
    if (turn === 39 || turn === 44) await giveUp(scene, turn === 44 ? 'interrupt' : 'leave');
    await pause((LENGTH_MS / TURNS) * (0.4 + 1.2 * random()));
  }
}

function begin(client: TestClient, turn: number, random: () => number): void {
  const model = (['gpt-5.5', 'gpt-5.5', 'gpt-5.5-mini', 'gpt-5.5', 'qwen3-coder', 'gpt-5.5-mini'] as const)[
    turn % 6
  ];
  const input = Math.round(4000 + 180_000 * random());
  const wish: Wish = {
    first: 60 + 500 * random(),
    think: turn % 3 === 0 ? 400 + 1400 * random() : 10,
    words: Math.round(4 + 24 * random()),
    each: 20 + 60 * random(),
    tokens: [input, Math.round(input * (0.35 + 0.6 * random())), Math.round(60 + 3000 * random() ** 2)],
  };
  const say = (over: Partial<Wish> = {}, asked: string = model ?? ''): void =>
    client.create({ model: asked, input: [said(JSON.stringify({ ...wish, ...over }))] });
  switch (turn) {
    case 33:
    case 46:
      return say({ first: 80, end: 'quota' });
    case 35:
      return say({ end: 'silent' }, 'qwen3-coder');
    case 37:
      return say({ end: 'incomplete' });
    case 40:
      return say({ first: 150, end: 'reset' }, 'gpt-5.5-mini');
    case 42:
      return say({}, 'o5-pro'); // nobody listens there
    case 43:
      return say({}, 'gpt-4'); // no route names it
    case 41:
      say({ words: 12 });
      say({ words: 6, first: 100 }); // waits for the one before
      return;
    case 51:
    case 53:
      return say({ first: 200, think: turn === 53 ? 60_000 : 300, words: 400 });
    default:
      return say();
  }
}

/** A turn that its client does not want any more, after half a second. */
async function giveUp(scene: Scene, how: 'interrupt' | 'leave'): Promise<void> {
  const client = await scene.connect({ headers: codexHeaders });
  const wish: Wish = { first: 200, think: 10, words: 1000, each: 40, tokens: [1, 1, 1] };
  client.create({ model: 'gpt-5.5', input: [said(JSON.stringify(wish))] });
  const id = idOf([await client.next('response.created')]);
  await pause(500);
  if (how === 'leave') client.terminate();
  else client.send({ type: 'response.interrupt', response_id: id });
}

function answer({ body }: RecordedRequest): AnswerLike {
  const wish = wishOf(body.input);
  const [input_tokens, cached_tokens, output_tokens] = wish.tokens;
  if (wish.end === 'quota') return 'quota';
  if (wish.end === 'silent') return 'silent';
  if (wish.end === 'reset') return [{ wait: wish.first }, { reset: true }];
  const usage = {
    input_tokens,
    input_tokens_details: { cached_tokens },
    output_tokens,
    output_tokens_details: { reasoning_tokens: Math.round(output_tokens / 4) },
    total_tokens: input_tokens + output_tokens,
  };
  const begun = [{ wait: wish.first }, { begin: true }, { wait: wish.think }] as const;
  const text = { text: 'word ', repeat: wish.words, delayMs: wish.each };
  if (wish.end === 'incomplete') return [...begun, text, { incomplete: 'max_output_tokens' }];
  return [...begun, text, { complete: { usage } }];
}

function wishOf(input: unknown): Wish {
  const items = input as { content: { text: string }[] }[];
  return JSON.parse(items.at(-1)?.content[0]?.text ?? '') as Wish;
}

/** Nobody listens there any more. */
async function closedPort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** The same ones each time (mulberry32), from 0 to 1. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
