/** What comes through a proxy as it was sent: headers, large messages, the code of a close. */
import { connect } from '../../harness/connect.ts';
import { within } from '../../harness/wait-for.ts';
import { codexHeaders } from '../../protocol/scene.ts';
import { postTurn } from './http-turn.ts';
import { largeModel, type PinglessBridge } from './pingless-bridge.ts';
import { headersOf, type WayIn } from './way-in.ts';

/** What arrived, and in which form. */
export interface Passage {
  /** The headers of {@link sentHeaders} that the bridge has not got as they were sent: none, or their names. */
  readonly lostHeaders: readonly string[];
  /** Of the answer to a turn over HTTP: the provider's `x-codex-turn-state`. */
  readonly turnState: string | undefined;
  /** The turn whose request is one frame of {@link largeBytes}. */
  readonly largeFrame: string;
  /** The turn whose events are of {@link largeEventBytes}. */
  readonly largeEvents: string;
  /** The status of the POST of {@link largeBytes}. */
  readonly largePost: number;
  /** With which code an idle socket is closed when the bridge drains. */
  readonly drained: number;
}

/** Codex sends a whole conversation in one frame; 16 MiB is the limit of some proxies for one message. */
export const largeBytes = 16 * 1024 * 1024;
/** An answer repeats its text in five events. */
export const largeEventBytes = 2 * 1024 * 1024;
/** A key that is a signed token. */
const longKey = `Bearer ${'k'.repeat(3_000)}`;

/** Everything went through as it was. */
export const allPassed: Passage = {
  lostHeaders: [],
  turnState: 'sticky',
  largeFrame: 'completed',
  largeEvents: 'completed',
  largePost: 200,
  drained: 1012,
};

const sentHeaders: Readonly<Record<string, string>> = {
  ...codexHeaders,
  authorization: longKey,
  'openai-beta': 'other=1, responses_websockets=2026-02-06',
  'x-codex-turn-metadata': JSON.stringify({ request_kind: 'turn', dir: 'd'.repeat(2_000) }),
  'session-id': 'session-1',
  'chatgpt-account-id': 'account-1',
};
/** What the bridge makes of one of these for the provider, on whose side it is read. */
const madeOfThem: Readonly<Record<string, string>> = { 'openai-beta': 'other=1' };

/** For a machine that does much else; 16 MiB take a tenth of a second. */
const largeMs = 30_000;

/** Tries all. Drains the bridge at last: nothing can be asked of it afterwards. */
export async function tryPassage(way: WayIn, bridge: PinglessBridge): Promise<Passage> {
  const headers = { ...headersOf(way), ...sentHeaders };
  await using client = await connect(`${way.url}/responses`, { headers, timeoutMs: largeMs });
  const turn = async (body: object): Promise<string> => {
    client.create(body);
    const events = await client.events({ timeoutMs: largeMs }).catch((error: unknown) => String(error));
    return typeof events === 'string' ? events : String(events.at(-1)?.['type']).replace('response.', '');
  };
  await turn({ model: 'm', input: 'hi' });
  const lostHeaders = lost(bridge.provider.requests.at(-1)?.headers ?? {});
  const largeFrame = await turn({ model: 'm', input: 'x'.repeat(largeBytes) });
  const largeEvents = await turn({ model: largeModel(largeEventBytes), input: 'hi' });
  const posted = await postTurn(way, { model: 'sticky', input: 'x'.repeat(largeBytes) });
  await within(posted.end, 'the end of the turn over HTTP', largeMs);
  const closed = within(client.closed, 'the close by the drain', largeMs);
  await bridge.drain();
  return {
    lostHeaders,
    turnState: posted.headers['x-codex-turn-state']?.toString(),
    largeFrame,
    largeEvents,
    largePost: posted.status,
    drained: (await closed).code,
  };
}

function lost(got: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries({ ...sentHeaders, ...madeOfThem })
    .filter(([name, value]) => got[name] !== value)
    .map(([name]) => name);
}
