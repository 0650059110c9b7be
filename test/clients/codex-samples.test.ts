/** Each sample of manifests/samples, read from a file, with a turn of the real Codex through it. */
import { readdirSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { startBridge } from '../harness/bridge.ts';
import { fakeProvider } from '../harness/fake-provider.ts';
import { openTlsFront, tlsFixture } from '../harness/tls-front.ts';
import { openClientTap } from './client-tap.ts';
import { codexExec } from './codex-exec.ts';
import { openCodexHome } from './codex-home.ts';
import { expectAsked } from './expect-asked.ts';
import { sampleCases, titleOf } from './sample-cases.ts';
import { readSample } from './sample-routes.ts';
import { answerScript } from './scripts.ts';
import { useClients } from './use-clients.ts';

useClients();

test('every sample has a case here', () => {
  const files = readdirSync(new URL('../../manifests/samples', import.meta.url));
  expect(new Set(sampleCases.map(({ file }) => file))).toEqual(new Set(files));
});

test.each(sampleCases.map((one) => [titleOf(one), one] as const))('%s', async (_, one) => {
  const { file, home: options, transport } = one;
  await using provider = await fakeProvider(answerScript, { webSocket: 'on' });
  await using front = await openTlsFront(provider.port, {
    cert: tlsFixture('server.pem'),
    key: tlsFixture('server.key.pem'),
  });
  const standIns = {
    plain: `http://127.0.0.1:${provider.port}`,
    secure: `https://127.0.0.1:${front.port}`,
    bridgeHost: '127.0.0.1',
  };
  const documents = await readSample(file, standIns);
  await using bridge = await startBridge({ routes: documents.map(toYaml).join('---\n') });
  await using tap = await openClientTap(bridge.port);
  await using home = await openCodexHome({ ...options, baseUrl: tap.url });

  const run = await codexExec(home, 'Say hello');

  expect(run).toMatchObject({ exitCode: 0, lastMessage: 'Answer to: Say hello' });
  expectAsked(one, provider.requests);
  expect(tap.connections.every(({ isWebSocket }) => isWebSocket)).toBe(transport !== 'http');
});

/** JSON is YAML. */
function toYaml(document: unknown): string {
  return `${JSON.stringify(document)}\n`;
}
