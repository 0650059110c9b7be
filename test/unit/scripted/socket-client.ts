import { fakeProvider } from '../../harness/fake-provider.ts';
import { connect } from '../../harness/connect.ts';
import type { TestClient } from '../../harness/connect.ts';
import type { ScriptLike } from '../../../src/scripted/choose-answer.ts';
import type { ScriptedProvider, ScriptedProviderOptions } from '../../../src/scripted/scripted-provider.ts';
import type { JsonObject } from './ask.ts';

export interface SocketScene extends AsyncDisposable {
  readonly provider: ScriptedProvider;
  readonly client: TestClient;
}

/** A provider with WebSockets, and one of them. */
export async function openScene(
  script: ScriptLike = 'hello',
  options: Omit<ScriptedProviderOptions, 'script'> = {},
): Promise<SocketScene> {
  await using stack = new AsyncDisposableStack();
  const provider = stack.use(await fakeProvider(script, { webSocket: 'on', ...options }));
  const client = stack.use(await connect(`${provider.url}/responses`));
  const owned = stack.move();
  return { provider, client, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Types of events without `response.`. */
export function typesIn(events: readonly JsonObject[]): readonly string[] {
  return events.map((event) => String(event['type']).replace(/^response\./, ''));
}

/** All text deltas joined. */
export function textIn(events: readonly JsonObject[]): string {
  return events
    .filter((event) => event['type'] === 'response.output_text.delta')
    .map((event) => String(event['delta']))
    .join('');
}

/** The id of the response that an event is about. */
export function idIn(event: JsonObject | undefined): string {
  return String((event?.['response'] as JsonObject | undefined)?.['id']);
}
