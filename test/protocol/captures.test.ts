/** Recorded conversations of the real Codex CLI, replayed through a real bridge to a provider that speaks HTTP only. */
import { describe, expect, test } from '@jest/globals';
import {
  expectedRequests,
  isTerminal,
  outputItems,
  type ExpectedRequest,
} from '../fixtures/captures/expected-requests.ts';
import {
  captureNames,
  loadCapture,
  type Capture,
  type CaptureStep,
  type JsonObject,
} from '../fixtures/captures/load-capture.ts';
import { routeTo, startBridge } from '../harness/bridge.ts';
import { connect, type TestClient } from '../harness/connect.ts';
import { fakeProvider } from '../harness/fake-provider.ts';
import type { ScriptedProvider } from '../../src/scripted/scripted-provider.ts';

describe('the provider gets what Codex would have sent it over HTTP', () => {
  test.each(captureNames.map((name) => [name, loadCapture(name)] as const))('%s', async (_, capture) => {
    const expected = expectedRequests(capture);
    await using provider = await fakeProvider((request) => {
      const { events, ending } = expected[request.number - 1] as ExpectedRequest;
      const steps = events.map((event) => ({ event }));
      return ending === 'played' ? steps : [{ open: true }, ...steps, { stall: true }];
    });
    await using bridge = await startBridge({ routes: routeTo(provider.url) });

    await replay(capture, expected, `${bridge.url}/responses`, provider);

    expect(provider.requests.map(({ body }) => body)).toEqual(expected.map(({ body }) => body));
    expect(provider.requests.map(({ headers }) => meaningful(headers))).toEqual(
      expected.map(({ headers }) => headers),
    );
    expect(await Promise.all(provider.requests.map(async ({ closed }) => (await closed).how))).toEqual(
      expected.map(({ ending }) => (ending === 'played' ? 'finished' : 'client-closed')),
    );
    for (const request of provider.requests) {
      expect(request.headers).toMatchObject({
        accept: 'text/event-stream',
        'content-type': 'application/json',
      });
    }
  });
});

describe('the expansion rule gives what Codex itself sends when it sends everything again', () => {
  const resends = captureNames.flatMap((name) =>
    findResends(loadCapture(name)).map((at) => [name, at] as const),
  );

  test('there are recordings to compare with, the one with every kind of item among them', () => {
    expect(resends.map(([name]) => name)).toContain('12-ws-rich-items-then-reconnect');
    expect(resends.length).toBeGreaterThanOrEqual(7);
  });

  test.each(resends)('%s, request %i', (name, at) => {
    const expected = expectedRequests(loadCapture(name));
    const before = expected[at - 1] as ExpectedRequest;
    const resent = (expected[at] as ExpectedRequest).body['input'] as readonly JsonObject[];
    const predicted = [...(before.body['input'] as readonly JsonObject[]), ...finishedItems(before)];
    expect(resent.slice(0, predicted.length)).toEqual(predicted);
  });
});

/** Does what the client did, in its order, and checks that it hears what it heard. */
async function replay(
  capture: Capture,
  expected: readonly ExpectedRequest[],
  url: string,
  provider: ScriptedProvider,
): Promise<void> {
  await using clients = new AsyncDisposableStack();
  const open = new Map<number, TestClient>();
  /** Answers to warm-ups are the bridge's own, so are their ids. */
  const ids = new Map<unknown, unknown>();
  let lastSent: CaptureStep | undefined;
  let requests = 0;
  for (const step of capture.steps) {
    if (step.step === 'open') {
      open.set(step.connection, clients.use(await connect(url, { headers: step.headers })));
      continue;
    }
    const client = open.get(step.connection) as TestClient;
    if (step.step === 'send') {
      client.send(withIds(step.frame, ids));
      lastSent = step;
      if (!isGenerating(step)) continue;
      requests += 1;
      await provider.waitForRequest(({ number }) => number === requests);
    } else if (step.step === 'hear') {
      await hear(client, step.events, lastSent, ids);
    } else {
      client.terminate();
      // the next step is of a time when the provider had noticed
      const dropped = expected.findIndex((r) => r.connection === step.connection && r.ending === 'dropped');
      await provider.requests[dropped]?.closed;
    }
  }
}

async function hear(
  client: TestClient,
  recorded: readonly JsonObject[],
  after: CaptureStep | undefined,
  ids: Map<unknown, unknown>,
): Promise<void> {
  if (after?.step === 'send' && !isGenerating(after)) {
    const heard = (await client.events()).at(-1) as JsonObject;
    const end = recorded.at(-1) as JsonObject;
    expect(heard['type']).toBe(end['type']);
    const response = heard['response'] as JsonObject;
    const recordedResponse = end['response'] as JsonObject;
    expect(response['incomplete_details'] ?? null).toEqual(recordedResponse['incomplete_details'] ?? null);
    ids.set(recordedResponse['id'], response['id']);
    return;
  }
  const heard: JsonObject[] = [];
  while (heard.length < recorded.length) heard.push(await client.next());
  expect(heard).toEqual(recorded);
}

/** Not a warm-up and not an interrupt: the provider hears of it, and its answer is the provider's. */
function isGenerating(step: CaptureStep & { step: 'send' }): boolean {
  return step.frame['type'] === 'response.create' && step.frame['generate'] !== false;
}

function withIds(frame: JsonObject, ids: ReadonlyMap<unknown, unknown>): JsonObject {
  const previous = frame['previous_response_id'];
  return ids.has(previous) ? { ...frame, previous_response_id: ids.get(previous) } : frame;
}

/** What HTTP itself needs, and the bridge's own trace against loops. */
const transportHeaders = new Set([
  'accept',
  'accept-encoding',
  'connection',
  'content-length',
  'content-type',
  'host',
  'transfer-encoding',
  'x-turnbridge-via',
]);

function meaningful(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !transportHeaders.has(name)));
}

/** Requests (by number) that repeat the whole history, a rebuilt one after a compaction left out. */
function findResends(capture: Capture): readonly number[] {
  const creates = capture.steps.flatMap((step) => (step.step === 'send' && isGenerating(step) ? [step] : []));
  return creates.flatMap(({ frame }, at) => {
    const isFull = at > 0 && frame['previous_response_id'] === undefined;
    const isRebuilt = at > 0 && isCompaction((creates[at - 1] as { frame: JsonObject }).frame);
    return isFull && !isRebuilt ? [at] : [];
  });
}

function isCompaction(frame: JsonObject): boolean {
  const metadata = frame['client_metadata'] as Record<string, string>;
  const turn = JSON.parse(metadata['x-codex-turn-metadata'] ?? '{}') as JsonObject;
  return turn['request_kind'] === 'compaction';
}

function finishedItems({ events }: ExpectedRequest): readonly JsonObject[] {
  return events.some(isTerminal) ? outputItems(events) : [];
}
