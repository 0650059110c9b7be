/** The provider’s stream goes wrong after it has begun. */
import { always, goodAnswer, once, type FaultRow } from './fault-row.ts';
import { hugeDelta } from './provider-faults.ts';

export const brokenOff: readonly FaultRow[] = [
  {
    happened: 'its end before any event',
    arrange: once([{ open: true }, { end: true }]),
    gets: ['error 502 provider_stream_ended'],
    does: { how: 'tries again', sockets: 2, turns: 2, posts: 0 },
    sees: [],
    advice: '',
  },
  {
    happened: 'its end after `response.created`',
    arrange: once([{ begin: true }, { end: true }]),
    gets: ['response.failed provider_stream_ended'],
    does: { how: 'tries again', sockets: 2, turns: 2, posts: 0 },
    sees: [],
    advice: '',
  },
  {
    happened: 'its end after some text',
    arrange: once('cut'),
    gets: ['response.failed provider_stream_ended'],
    does: { how: 'tries again', sockets: 2, turns: 2, posts: 0 },
    sees: [],
    advice: 'the half text is dropped',
  },
  {
    happened: 'a reset before the answer',
    arrange: once([{ reset: true }]),
    gets: ['error 502 provider_connection_lost'],
    does: { how: 'tries again', sockets: 2, turns: 2, posts: 0 },
    sees: [],
    advice: '',
  },
  {
    happened: 'a reset before any event',
    arrange: once([{ open: true }, { reset: true }]),
    gets: ['error 502 provider_connection_lost'],
    does: { how: 'tries again', sockets: 2, turns: 2, posts: 0 },
    sees: [],
    advice: '',
  },
  {
    happened: 'a reset after some text',
    arrange: once('reset'),
    gets: ['response.failed provider_connection_lost'],
    does: { how: 'tries again', sockets: 2, turns: 2, posts: 0 },
    sees: [],
    advice: 'the half text is dropped',
  },
  {
    happened: 'its end after a finished message',
    arrange: once([{ text: 'A first message' }, { end: true }]),
    gets: ['response.failed provider_stream_ended'],
    does: { how: 'tries again', sockets: 2, turns: 2, posts: 0 },
    sees: [],
    answers: ['A first message', 'The answer'],
    advice: 'the user may see two answers',
  },
  {
    happened: 'its end after a finished tool call',
    arrange: () => ({
      provider: (number) =>
        number === 1
          ? [
              { toolCall: { name: 'exec_command', arguments: { cmd: 'echo ran >> ran.txt; echo hi' } } },
              { end: true },
            ]
          : undefined,
    }),
    gets: ['response.failed provider_stream_ended'],
    does: { how: 'tries again', sockets: 2, turns: 2, posts: 0 },
    sees: [],
    advice: 'the tool runs once; its output goes along',
  },
  {
    happened: 'its end after some text, each time',
    arrange: always('cut'),
    gets: ['response.failed provider_stream_ended'],
    does: { how: 'gives up', sockets: 2, turns: 2, posts: 2 },
    sees: [
      'Falling back from WebSockets to HTTPS transport. stream disconnected before completion: Provider scripted ended its stream without a terminal event.',
      'Reconnecting... 1/1 (stream disconnected before completion: Provider scripted ended its stream without a terminal event.)',
      'stream disconnected before completion: Provider scripted ended its stream without a terminal event.',
    ],
    advice: 'look at the provider, and what stands before it',
  },
  {
    happened: 'nothing but `data: [DONE]`',
    arrange: once([{ open: true }, { raw: 'data: [DONE]\n\n' }, { end: true }]),
    gets: ['keepalive', 'error 502 provider_stream_ended'],
    does: { how: 'tries again', sockets: 2, turns: 2, posts: 0 },
    sees: [],
    advice: 'the provider speaks another API',
  },
  {
    happened: 'an event that is no JSON',
    arrange: once([{ begin: true }, { raw: 'data: {"type": oops\n\n' }, { text: goodAnswer }]),
    gets: [],
    does: { how: 'goes on', sockets: 1, turns: 1, posts: 0 },
    sees: [],
    advice: 'Codex skips it, other clients may not',
  },
  {
    happened: 'an event of 17 MiB',
    arrange: once([hugeDelta(17), { text: goodAnswer }]),
    gets: [],
    does: { how: 'goes on', sockets: 1, turns: 1, posts: 0 },
    sees: [],
    advice: 'Codex takes 16 MiB in a frame: it gets several',
  },
  {
    happened: 'an event above 64 MiB',
    arrange: once([hugeDelta(65), { stall: true }]),
    gets: ['response.failed provider_protocol_error'],
    does: { how: 'tries again', sockets: 2, turns: 2, posts: 0 },
    sees: [],
    advice: 'have the provider send less at once',
  },
];
