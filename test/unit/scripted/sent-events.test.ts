import { describe, expect, test } from '@jest/globals';
import { fakeProvider } from '../../harness/fake-provider.ts';
import { rawHttp } from '../../harness/raw-http.ts';
import { ask, typesOf } from './ask.ts';

const turn = { model: 'm', input: 'Hi' };

/** An event of a script that counts how often it is written as JSON. */
function countedEvent() {
  const counted = {
    writings: 0,
    event: {
      type: 'x',
      toJSON() {
        counted.writings += 1;
        return { type: 'x' };
      },
    },
  };
  return counted;
}

describe('an event over HTTP', () => {
  test('is written as JSON once: it may have many MiB', async () => {
    const counted = countedEvent();
    await using provider = await fakeProvider([{ event: counted.event }]);
    expect(typesOf(await ask(provider.url, turn))).toEqual(['x', 'created', 'in_progress', 'completed']);
    expect(counted.writings).toBe(1);
    expect(provider.requests[0]?.sent).toEqual([]);
  });

  test('is kept as sent where that is asked for', async () => {
    await using provider = await fakeProvider([{ text: 'kept' }], { keepsSent: true });
    const { events } = await ask(provider.url, turn);
    expect(provider.requests[0]?.sent.map((text) => JSON.parse(text) as unknown)).toEqual(events);
  });

  test('that JSON cannot hold ends the connection before anything was told', async () => {
    await using provider = await fakeProvider([{ event: { type: 'x', n: 1n } }]);
    const body = JSON.stringify({ ...turn, stream: true });
    const head = `POST /v1/responses HTTP/1.1\r\nhost: h\r\ncontent-length: ${body.length}\r\n\r\n`;
    const answer = await rawHttp(provider.port, `${head}${body}`);
    expect([answer.text, answer.ended]).toEqual(['', 'reset']);
  });
});
