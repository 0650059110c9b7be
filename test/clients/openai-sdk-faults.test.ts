/** What goes wrong, as the openai SDK hears it: on its sockets row by row, and over HTTP, where it tries again. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { routeTo, startBridge } from '../harness/bridge.ts';
import { fakeProvider } from '../harness/fake-provider.ts';
import { runSdkRow } from './error-table/run-sdk-row.ts';
import { sdkRows } from './error-table/sdk-rows.ts';
import { loadOpenAISdk, type OpenAISdk } from './openai-sdk.ts';
import { useClients } from './use-clients.ts';

let sdk: OpenAISdk;
useClients();
beforeAll(async () => {
  sdk = await loadOpenAISdk();
});

describe('a socket of the SDK', () => {
  test.each(sdkRows.map((row) => [row.happened, row] as const))('%s', async (_, row) => {
    const { gets, lane, socket } = row;
    expect(await runSdkRow(sdk, row)).toEqual({ gets, lane, socket });
  });
});

describe('over HTTP, with the retries that the SDK makes by itself', () => {
  test.each([
    ['429 with retry-after', 'rate-limited', { status: 'completed' }, 2],
    ['503 server_is_overloaded', 'overloaded', { status: 'completed' }, 2],
    ['a stream that ends before any event', [{ open: true }, { end: true }], { status: 'completed' }, 2],
    ['400', 'bad-request', { status: 400 }, 1],
    ['422, which is told as it is', { status: { code: 422, body: { detail: 'no' } } }, { status: 422 }, 1],
  ] as const)('%s', async (_, fault, outcome, requests) => {
    await using provider = await fakeProvider(({ number }) => (number === 1 ? fault : 'hello'));
    await using bridge = await startBridge({ routes: routeTo(provider.url) });
    const client = sdk.openClient(bridge.url, 2);
    const ended = await client.responses
      .create({ model: 'gpt-5.5', input: 'Say it.' })
      .catch((error: unknown) => error);
    expect(provider.requests).toHaveLength(requests);
    expect(ended).toMatchObject(outcome);
  });
});
