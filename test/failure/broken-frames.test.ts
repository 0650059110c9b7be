/** A client that breaks the WebSocket protocol itself: closed with the code for it, and nothing stays behind. */
import { expect, test } from '@jest/globals';
import { within } from '../harness/wait-for.ts';
import { logged, openScene, settled } from '../protocol/scene.ts';

test.each([
  ['that is no WebSocket any more', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 1002, 'not a WebSocket frame'],
  ['without a mask', Buffer.from([0x81, 0x02, 0x7b, 0x7d]), 1002, 'not a WebSocket frame'],
  ['of an unknown kind', Buffer.from([0x83, 0x80, 0, 0, 0, 0]), 1002, 'not a WebSocket frame'],
  ['that is compressed unasked', Buffer.from([0xc1, 0x80, 0, 0, 0, 0]), 1002, 'not a WebSocket frame'],
  ['of text that is not UTF-8', Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe]), 1007, 'text is not UTF-8'],
])('a frame %s stops the running turn and closes the socket', async (_, bytes, code, reason) => {
  await using scene = await openScene({ script: [{ begin: true }, { stall: true }] });
  const client = await scene.connect();
  client.create({ model: 'm' });
  await client.next('response.created');
  client.socket.write(bytes);
  expect((await within(client.closed, 'the close')).code).toBe(code);
  expect((await within(scene.provider.requests[0]!.closed, 'the end of the request')).how).toBe(
    'client-closed',
  );
  await settled(scene.bridge);
  expect(await logged(scene.bridge, 'connection.close')).toMatchObject([
    { close_code: code, close_initiator: 'local', close_reason: reason },
  ]);
});
