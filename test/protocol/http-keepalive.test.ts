/** A quiet stream over HTTP: each client is kept alive in the form that it understands. */
import { describe, expect, test } from '@jest/globals';
import { gate } from '../harness/fake-provider.ts';
import { codexHeaders, openScene } from './scene.ts';

/** The text of a stream that was quiet in its middle, until a keep-alive was read. */
async function quietStream(headers: Readonly<Record<string, string>>): Promise<string> {
  const held = gate();
  await using scene = await openScene({
    script: [{ begin: true }, { until: held.promise }, { text: 'The end' }],
    settings: { keepaliveMs: 100 },
  });
  const response = await fetch(`${scene.bridge.url}/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'm', stream: true, input: 'hi' }),
  });
  let text = '';
  for await (const chunk of (response.body as ReadableStream<Uint8Array>).pipeThrough(
    new TextDecoderStream(),
  )) {
    text += chunk;
    if (text.includes('keepalive')) held.open();
  }
  return text;
}

describe('a stream over HTTP in which nothing happens', () => {
  test('is kept alive by an event for Codex, whose idle time a comment does not end', async () => {
    const { originator = '', 'user-agent': agent = '' } = codexHeaders;
    const text = await quietStream({ originator, 'user-agent': agent });
    expect(text).toContain('\n\nevent: keepalive\ndata: {"type":"keepalive"}\n\n');
    expect(text).not.toContain('\n: keepalive');
  });

  test('is kept alive by a comment for everybody else, who might not know the event', async () => {
    const text = await quietStream({});
    expect(text).toContain('\n\n: keepalive\n\n');
    expect(text).not.toContain('event: keepalive');
  });
});
