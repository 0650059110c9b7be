/** Makes a row happen to the openai SDK, and says what came of it. */
import { startBridge } from '../../harness/bridge.ts';
import { fakeProvider } from '../../harness/fake-provider.ts';
import { routeFile } from '../../protocol/scene.ts';
import type { JsonObject } from '../codex-exec.ts';
import type { OpenAISdk, SdkLane, SdkSocket } from '../openai-sdk.ts';
import { goodAnswer } from './fault-row.ts';
import type { SdkRow } from './sdk-rows.ts';
import { frameWords, withoutRepeats } from './words.ts';

/** Runs one arrangement: a request that meets the fault, and another one on the same socket. */
export async function runSdkRow(
  sdk: OpenAISdk,
  { arrange }: SdkRow,
): Promise<Pick<SdkRow, 'gets' | 'lane' | 'socket'>> {
  const arrangement = arrange();
  await using provider = await fakeProvider(
    ({ number }) => arrangement.provider?.(number) ?? [{ text: goodAnswer }],
  );
  await using bridge = await startBridge({
    routes: routeFile(provider.url, arrangement.route, arrangement.secrets),
  });
  const socket = sdk.openSocket(sdk.openClient(bridge.url));
  const gets: string[] = [];
  const closed = listen(socket, gets);
  const session = await sdk.openSession(socket).catch(() => undefined);
  if (session === undefined) {
    await closed;
    return { gets, lane: '–', socket: 'never opens' };
  }
  const lane = session.lane();
  const [ended] = await Promise.all([ask(lane), arrangement.meanwhile?.({ provider, bridge })]);
  if (arrangement.meanwhile !== undefined) await closed; // all of them end the connection
  const again = await ask(lane);
  socket.close();
  return {
    gets: withoutRepeats(gets),
    lane: ended,
    socket: again === 'resolves, `completed`' ? 'stays open' : 'is closed',
  };
}

/** Collects what the socket tells; resolves when it is closed. */
function listen(socket: SdkSocket, gets: string[]): Promise<void> {
  socket.on('event', (event) => {
    const words = frameWords(event);
    if (words !== undefined) gets.push(words);
  });
  socket.on('error', (error) => {
    // an error event was told as an event already; what has none is the socket's own
    if (error['error'] === undefined || error['error'] === null) gets.push(String(error['message']));
  });
  return new Promise((done) => {
    socket.on('close', (code) => {
      // 1006 is no code on the wire, 1000 is ours
      if (code !== 1006 && code !== 1000) gets.push(`close ${code}`);
      done();
    });
  });
}

async function ask(lane: SdkLane): Promise<string> {
  const input = [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Say it.' }] }];
  try {
    lane.create({ model: 'gpt-5.5', input });
    const { status } = await lane.finalResponse();
    return `resolves, \`${status}\``;
  } catch (error) {
    const { error: event } = error as { error?: JsonObject };
    return event === undefined
      ? 'throws: the connection is closed'
      : `rejects, status ${String(event['status'])}`;
  }
}
