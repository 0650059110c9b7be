/** The one door to the API server: what is sent, what comes back, and what is said of failures. */
import { describe, expect, test } from '@jest/globals';
import { manualClock } from '../harness/clock.ts';
import { openFakeKube } from '../harness/fake-kube.ts';
import type { Fault } from '../harness/fake-kube-faults.ts';
import { kubeClientOf } from '../harness/kube-client.ts';
import { until, within } from '../harness/wait-for.ts';
import { MAX_ANSWER_BYTES } from '../../src/kube/kube-answer.ts';
import type { KubeClient } from '../../src/kube/kube-client.ts';
import type { WatchEvent } from '../../src/kube/watch-events.ts';

const SECRETS = '/api/v1/namespaces/ai/secrets';
const secret = (name: string, value = 'aGVsbG8=') => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: 'ai' },
  data: { key: value },
});

/** The events of a watch as they come; `ended` says how it ended. */
function listen(client: KubeClient, signal = new AbortController().signal, idleTimeoutMs = 400_000) {
  const events: WatchEvent[] = [];
  const run = async (): Promise<void> => {
    for await (const event of client.watch(
      SECRETS,
      { resourceVersion: '0' },
      { signal, idleTimeoutMs: () => idleTimeoutMs },
    ))
      events.push(event);
  };
  return { events, ended: run() };
}

test('a server-side apply goes out as one, and its answer comes back', async () => {
  await using kube = await openFakeKube();
  await using client = kubeClientOf(kube);
  const answer = await client.request({
    method: 'PATCH',
    path: `${SECRETS}/a`,
    query: { fieldManager: 'tester', force: 'true' },
    body: secret('a'),
    contentType: 'application/apply-patch+yaml',
  });
  expect(answer).toMatchObject({ data: { key: 'aGVsbG8=' } });
  expect(kube.requests).toMatchObject([
    { phase: 'apply', userAgent: 'turnbridge-test', body: secret('a'), status: 200 },
  ]);
  expect(client.facts).toMatchObject([
    { kind: 'request.ended', method: 'PATCH', host: `127.0.0.1:${String(kube.port)}`, status: 200 },
  ]);
});

test('hundreds of requests and a few watches share a handful of connections', async () => {
  await using kube = await openFakeKube();
  await using client = kubeClientOf(kube);
  const watches = [1, 2, 3].map(() => listen(client));
  await until(() => kube.watches.length === 3, 'three watches');
  for (let round = 0; round < 20; round++) {
    await Promise.all(Array.from({ length: 20 }, () => client.request({ method: 'GET', path: SECRETS })));
  }
  expect(kube.seen({ phase: 'list' })).toHaveLength(400);
  expect(kube.connections).toBeLessThanOrEqual(16 + 3);
  kube.endWatches();
  await Promise.all(watches.map(({ ended }) => ended));
});

test('watches do not keep requests from being made, however many there are', async () => {
  await using kube = await openFakeKube();
  await using client = kubeClientOf(kube);
  const watches = Array.from({ length: 20 }, () => listen(client));
  await until(() => kube.watches.length === 20, 'twenty watches');
  const answer = within(client.request({ method: 'GET', path: SECRETS }), 'the answer');
  await expect(answer).resolves.toMatchObject({ kind: 'List' });
  kube.endWatches();
  await Promise.all(watches.map(({ ended }) => ended));
});

test.each<{ name: string; fault: Fault; error: object }>([
  {
    name: 'a refusal',
    fault: { kind: 'status', status: 409, reason: 'Conflict', message: 'the object has been modified' },
    error: {
      status: 409,
      reason: 'Conflict',
      message: `GET ${SECRETS}: 409 Conflict the object has been modified`,
    },
  },
  {
    name: 'a time to wait',
    fault: { kind: 'status', status: 429, reason: 'TooManyRequests', retryAfter: 7 },
    error: { status: 429, retryAfterMs: 7000 },
  },
  {
    name: 'a time to wait within the Status',
    fault: { kind: 'status', status: 504, body: '{"code":504,"details":{"retryAfterSeconds":3}}' },
    error: { status: 504, retryAfterMs: 3000 },
  },
  {
    name: 'a page of a proxy',
    fault: { kind: 'status', status: 502, body: '<html>Bad gateway</html>' },
    error: { status: 502, reason: undefined, message: `GET ${SECRETS}: 502` },
  },
  {
    name: 'a refusal of which half is lost',
    fault: { kind: 'status', status: 500, body: '{"kind":"Status","mess' },
    error: { status: 500 },
  },
  {
    name: 'a page instead of JSON',
    fault: { kind: 'body', body: '<html>' },
    error: { reason: 'Malformed', status: undefined },
  },
  {
    name: 'a reset',
    fault: { kind: 'cut', how: 'reset', after: 'nothing' },
    error: { reason: 'Network', status: undefined },
  },
  {
    name: 'a reset within the answer',
    fault: { kind: 'cut', how: 'reset', after: 20 },
    error: { reason: 'Network' },
  },
  {
    name: 'an end within the answer',
    fault: { kind: 'cut', how: 'close', after: 20 },
    error: { reason: 'Network' },
  },
  {
    name: 'an answer without end',
    fault: { kind: 'body', body: ' '.repeat(MAX_ANSWER_BYTES + 1) },
    error: { reason: 'TooLarge' },
  },
])('of $name the error says what a caller needs to know', async ({ fault, error }) => {
  await using kube = await openFakeKube();
  await using client = kubeClientOf(kube);
  kube.fail({}, fault);
  await expect(client.request({ method: 'GET', path: SECRETS })).rejects.toMatchObject({
    name: 'KubeError',
    ...error,
  });
  // The connection is fit for the next, or a new one is made.
  await expect(client.request({ method: 'GET', path: SECRETS })).resolves.toMatchObject({ kind: 'List' });
});

test('no error repeats what was sent, who sent it, or what came back', async () => {
  await using kube = await openFakeKube();
  await using client = kubeClientOf(kube);
  const text: string[] = [];
  const hidden = 'c2VjcmV0';
  for (const fault of [
    { kind: 'status', status: 422, reason: 'Invalid', message: `${'x'.repeat(2000)} ${hidden}` },
    { kind: 'body', body: `{"data":{"key": ${hidden}}` },
    { kind: 'cut', how: 'reset', after: 'headers' },
  ] as const) {
    kube.fail({ phase: 'update' }, fault);
    const sent = client.request({ method: 'PUT', path: `${SECRETS}/a`, body: secret('a', hidden) });
    text.push(...(await failureOf(sent)));
  }
  kube.fail(
    { phase: 'watch' },
    { kind: 'body', body: `{"type":"ADDED","object":{"data":{"key": ${hidden}}}}\n` },
  );
  text.push(...(await failureOf(listen(client).ended)));
  expect(text).toHaveLength(4);
  expect(text.filter((each) => each.includes(hidden) || each.includes('token-1'))).toEqual([]);
  expect(Math.max(...text.map((each) => each.length))).toBeLessThan(700);
});

test('a request without an answer is given up after 15 seconds, and one that takes longer may ask for more', async () => {
  const clock = manualClock();
  await using kube = await openFakeKube();
  await using client = kubeClientOf(kube, clock);
  kube.fail({}, { kind: 'cut', how: 'silence', after: 'nothing' });
  kube.fail({}, { kind: 'cut', how: 'silence', after: 3 });
  const short = failureOf(client.request({ method: 'GET', path: SECRETS }));
  await until(() => kube.silences === 1, 'the silence');
  const long = failureOf(client.request({ method: 'GET', path: SECRETS, timeoutMs: 60_000 }));
  await until(() => kube.silences === 2, 'both');
  clock.advance(15_000);
  expect(await short).toEqual([`GET ${SECRETS}: the API server did not answer in time`]);
  clock.advance(44_999);
  expect(kube.seen({ phase: 'list' })).toHaveLength(2);
  clock.advance(1);
  expect(await long).toEqual([`GET ${SECRETS}: the API server did not answer in time`]);
  await until(() => kube.silences === 0, 'the end of both connections');
  expect(clock.pending).toBe(0);
});

test('the signal of a caller ends a request and a watch', async () => {
  await using kube = await openFakeKube();
  await using client = kubeClientOf(kube);
  const caller = new AbortController();
  kube.fail({ phase: 'list' }, { kind: 'cut', how: 'silence', after: 'nothing' });
  const request = client.request({ method: 'GET', path: SECRETS, signal: caller.signal });
  const watch = listen(client, caller.signal);
  await until(() => kube.silences === 1 && kube.watches.length === 1, 'both');
  caller.abort();
  await expect(request).rejects.toMatchObject({ reason: 'Aborted' });
  await expect(watch.ended).rejects.toMatchObject({ reason: 'Aborted' });
  await expect(client.request({ method: 'GET', path: SECRETS, signal: caller.signal })).rejects.toMatchObject(
    {
      reason: 'Aborted',
    },
  );
  expect(kube.seen({ phase: 'list' })).toHaveLength(1);
});

test('closed, it ends all that is open and asks for nothing more; it may be closed twice', async () => {
  await using kube = await openFakeKube();
  await using client = kubeClientOf(kube);
  const watch = listen(client);
  await until(() => kube.watches.length === 1, 'the watch');
  const ended = failureOf(watch.ended);
  await Promise.all([client.close(), client.close()]);
  expect(await ended).toHaveLength(1);
  await expect(client.request({ method: 'GET', path: SECRETS })).rejects.toMatchObject({ name: 'KubeError' });
  await until(() => kube.watches.length === 0, 'its end at the server');
});

describe('a token that is refused', () => {
  test('is read again, once, and the request is made with the new one', async () => {
    await using kube = await openFakeKube();
    await using client = kubeClientOf(kube);
    kube.tokens.clear();
    kube.tokens.add('token-2');
    client.renewedToken = 'token-2';
    await expect(client.request({ method: 'POST', path: SECRETS, body: secret('a') })).resolves.toMatchObject(
      {
        kind: 'Secret',
      },
    );
    expect(kube.requests.map(({ status }) => status)).toEqual([401, 201]);
  });

  test('a second time is an error', async () => {
    await using kube = await openFakeKube();
    await using client = kubeClientOf(kube);
    kube.tokens.clear();
    await expect(client.request({ method: 'GET', path: SECRETS })).rejects.toMatchObject({ status: 401 });
    await expect(listen(client).ended).rejects.toMatchObject({ status: 401 });
    expect(kube.requests).toHaveLength(4);
  });
});

describe('a watch', () => {
  test('yields events until the server ends it, wherever their bytes are cut', async () => {
    await using kube = await openFakeKube();
    await using client = kubeClientOf(kube);
    kube.fail({ phase: 'watch' }, { kind: 'slow', pieceBytes: 13, everyMs: 0 });
    for (const name of ['a', 'b']) kube.put(secret(name));
    const { events, ended } = listen(client);
    await until(() => events.length === 2, 'two events');
    kube.endWatches();
    await ended;
    expect(events).toMatchObject([
      { type: 'ADDED', object: { metadata: { name: 'a' } } },
      { type: 'ADDED', object: { metadata: { name: 'b' } } },
    ]);
  });

  test('is closed at the server when its listener leaves', async () => {
    await using kube = await openFakeKube();
    await using client = kubeClientOf(kube);
    kube.put(secret('a'));
    const { signal } = new AbortController();
    for await (const event of client.watch(SECRETS, {}, { signal, idleTimeoutMs: () => 60_000 })) {
      expect(event.type).toBe('ADDED');
      break;
    }
    await until(() => kube.watches.length === 0, 'its end');
  });

  test('that is not accepted within 30 seconds is given up', async () => {
    const clock = manualClock();
    await using kube = await openFakeKube();
    await using client = kubeClientOf(kube, clock);
    kube.fail({ phase: 'watch' }, { kind: 'cut', how: 'silence', after: 'nothing' });
    const ended = failureOf(listen(client).ended);
    await until(() => kube.silences === 1, 'the silence');
    clock.advance(30_000);
    expect(await ended).toEqual([`watch ${SECRETS}: the API server did not answer in time`]);
  });

  test('is given up when nothing comes for as long as its caller says, and bytes of any kind count', async () => {
    const clock = manualClock();
    let timers = 0;
    const counting = {
      ...clock,
      setTimer: (ms: number, fn: () => void) => (timers++, clock.setTimer(ms, fn)),
    };
    await using kube = await openFakeKube();
    await using client = kubeClientOf(kube, Object.assign(counting, { now: () => clock.now() }));
    kube.put(secret('a'));
    const { events, ended } = listen(client, undefined, 100_000);
    const failed = failureOf(ended);
    await until(() => events.length === 1, 'the first event');
    for (const bytes of ['\n', '{"type":"BOOKMARK",', '"object":{}}\n']) {
      clock.advance(99_999);
      const before = timers;
      kube.watches[0]!.raw(bytes);
      await until(() => timers > before, 'the bytes');
    }
    await until(() => events.length === 2, 'the bookmark');
    clock.advance(100_000);
    expect(await failed).toEqual([`watch ${SECRETS}: the API server did not answer in time`]);
  });

  test.each<{ name: string; body: string; error: object }>([
    { name: 'half a line', body: '{"type":"ADDED","object":{}}\n{"ty', error: { reason: 'Network' } },
    { name: 'a line that is no JSON', body: 'rubbish\n', error: { reason: 'Malformed' } },
    { name: 'a line that is no event', body: '[]\n', error: { reason: 'Malformed' } },
    { name: 'null', body: 'null\n', error: { reason: 'Malformed' } },
    {
      name: 'an event of a kind that nobody knows',
      body: '{"type":"SOON","object":{}}\n',
      error: { reason: 'Malformed' },
    },
  ])('with $name fails: nothing is skipped', async ({ body, error }) => {
    await using kube = await openFakeKube();
    await using client = kubeClientOf(kube);
    kube.fail({ phase: 'watch' }, { kind: 'body', body });
    await expect(listen(client).ended).rejects.toMatchObject({ name: 'KubeError', ...error });
  });

  test('that is refused says why, and how long to wait', async () => {
    await using kube = await openFakeKube();
    await using client = kubeClientOf(kube);
    kube.fail({}, { kind: 'status', status: 410, reason: 'Expired' });
    await expect(listen(client).ended).rejects.toMatchObject({ status: 410, isExpired: true });
    kube.fail({}, { kind: 'status', status: 429, reason: 'TooManyRequests', retryAfter: 2 });
    await expect(listen(client).ended).rejects.toMatchObject({ status: 429, retryAfterMs: 2000 });
  });
});

/** The message of a failure, and nothing if there was none. */
async function failureOf(promise: Promise<unknown>): Promise<string[]> {
  return promise.then(
    () => [],
    (error: unknown) => [(error as Error).message],
  );
}
