import { expect, test } from '@jest/globals';
import { connect } from '../../harness/connect.ts';
import { fakeProvider } from '../../harness/fake-provider.ts';
import { until } from '../../harness/wait-for.ts';

test('/realtime says back what it hears, text and bytes, after its greeting', async () => {
  await using provider = await fakeProvider('hello', {
    webSocket: { greeting: '{"type":"session.created"}' },
  });
  await using client = await connect(`${provider.url}/realtime?model=m`, {
    protocols: ['other', 'realtime'],
  });
  expect(client.protocol).toBe('realtime');
  client.send('Grüße');
  client.send(Buffer.from([0, 255, 1]));
  client.send('');
  client.send('ping now');
  const heard = [];
  for (let at = 0; at < 4; at += 1) heard.push(await client.nextFrame());
  expect(heard.map((frame) => (frame.isBinary ? [...frame.data] : frame.text))).toEqual([
    '{"type":"session.created"}',
    'Grüße',
    [0, 255, 1],
    '',
  ]);
  await until(() => client.pings === 1, 'the ping');
  expect(provider.handshakes).toMatchObject([{ path: '/v1/realtime?model=m', status: 101 }]);
  expect(provider.requests).toEqual([]);
});

test('a text that no ping can hold comes back as it is', async () => {
  await using provider = await fakeProvider('hello', { webSocket: 'on' });
  await using client = await connect(`${provider.url}/realtime`);
  const long = `ping ${'x'.repeat(126)}`;
  client.send(long);
  expect((await client.nextFrame()).text).toBe(long);
  client.send(`ping ${'x'.repeat(125)}`);
  await until(() => client.pings === 1, 'the ping');
});

test.each([
  ['close', { code: 1005, reason: '' }],
  ['close 4001', { code: 4001, reason: '' }],
  ['close 4001 bye for now', { code: 4001, reason: 'bye for now' }],
  ['close 1006', { code: 1006, reason: '' }],
  ['reset', { code: 1006, reason: '' }],
])('/realtime obeys "%s"', async (order, closing) => {
  await using provider = await fakeProvider('hello', { webSocket: 'on' });
  await using client = await connect(`${provider.url}/realtime`);
  client.send(order);
  expect(await client.closed).toEqual(closing);
});

test('/realtime falls silent when it is told to', async () => {
  await using provider = await fakeProvider('hello', { webSocket: 'on' });
  await using client = await connect(`${provider.url}/realtime`);
  client.send('mute');
  client.send('unheard');
  await using other = await connect(`${provider.url}/realtime`);
  other.send('heard');
  await other.nextFrame();
  expect([client.frames.length, provider.openSockets]).toEqual([0, 2]);
});
