import { describe, expect, test } from '@jest/globals';
import { LaneMemory } from '../../../src/turn/lane-memory.ts';
import type { ContinuationMode } from '../../../src/route/snapshot.ts';
import { aRoute } from '../../harness/compiled-route.ts';
import { assistant } from './fake-transport.ts';
import { aGroup, CLIENT, openTalk, user, type Talk } from './turn-setup.ts';

function inMode(mode: ContinuationMode | undefined, maxBytesPerConnection = 1 << 20): Talk {
  return openTalk({ group: aGroup(aRoute({ continuation: { mode, maxBytesPerConnection } })) });
}

/** The id in the latest warm-up's or turn's terminal event. */
function lastId(talk: Talk): string {
  const response = talk.sent.at(-1)?.event?.['response'] as { id: string } | undefined;
  return response?.id ?? 'none';
}

function warmUp(talk: Talk, members: object = {}): string {
  talk.ask({ generate: false, ...members });
  return lastId(talk);
}

/** What a client hears who continues from this response. */
function continuing(talk: Talk, id: string): string {
  const before = talk.transport.attempts.length;
  talk.ask({ previous_response_id: id, input: [] });
  if (talk.transport.attempts.length > before) return 'the provider is asked';
  const { status, error } = talk.errors().at(-1)!;
  return `${status} ${error.code}`;
}

const FORGOTTEN = '400 previous_response_not_found';

describe('Transcript: the connection remembers', () => {
  test('is what a route has when it says nothing', () => {
    const talk = inMode(undefined);
    talk.turn('r1', 'a', { input: [user('1')] });
    talk.ask({ previous_response_id: 'r1', input: [user('2')] });
    expect(talk.transport.last.body).toEqual({
      stream: true,
      model: 'm',
      input: [user('1'), assistant('a'), user('2')],
    });
    expect(talk.facts.findLast((fact) => fact.kind === 'turn.started')).toMatchObject({
      turn: { continuation: 'hit' },
    });
  });

  test('a chain of turns is sent whole, oldest first', () => {
    const talk = inMode('Transcript');
    talk.turn('r1', 'a', { input: 'one' });
    talk.turn('r2', 'b', { previous_response_id: 'r1', input: [user('2'), user('3')] });
    talk.turn('r3', 'c', { previous_response_id: 'r2', input: [] });
    talk.ask({ previous_response_id: 'r3', input: 'four' });
    expect(talk.transport.last.input).toEqual([
      { type: 'message', role: 'user', content: 'one' },
      assistant('a'),
      user('2'),
      user('3'),
      assistant('b'),
      assistant('c'),
      { type: 'message', role: 'user', content: 'four' },
    ]);
  });

  test('only the latest response of a lane can be continued', () => {
    const talk = inMode('Transcript');
    talk.turn('r1', 'a');
    talk.turn('r2', 'b', { previous_response_id: 'r1' });
    expect(continuing(talk, 'r1')).toBe(FORGOTTEN);
    expect(continuing(talk, 'never seen')).toBe(FORGOTTEN);
    expect(continuing(talk, '')).toBe(FORGOTTEN);
    expect(talk.ended().at(-1)).toMatchObject({ outcome: 'rejected', continuation: 'miss', status: 400 });
  });

  test('the refusal shows what was asked for, cut short', () => {
    const talk = inMode('Transcript');
    talk.ask({ previous_response_id: 'x'.repeat(1000) });
    expect(talk.errors()[0]?.error.message).toContain(
      `Previous response "${'x'.repeat(128)}" is not known here.`,
    );
  });

  test('another lane may fork from the response, and does not end its life', () => {
    const talk = inMode('Transcript');
    talk.turn('r1', 'a', { input: [user('1')] });
    talk.turn('fork', 'b', { stream_id: 'b', previous_response_id: 'r1', input: [user('2')] });
    talk.ask({ previous_response_id: 'r1', input: [user('3')] });
    expect(talk.transport.last.input).toEqual([user('1'), assistant('a'), user('3')]);
  });

  test('a turn that was queued behind the one it continues finds it when its time comes', () => {
    const talk = inMode('Transcript');
    talk.ask({ input: [user('1')] });
    talk.ask({ previous_response_id: 'r1', input: [user('2')] });
    talk.transport.last.say('r1', 'a');
    expect(talk.transport.last.input).toEqual([user('1'), assistant('a'), user('2')]);
  });

  test('a turn that waits keeps what it continues, though its lane moves on', () => {
    const talk = inMode('Transcript');
    talk.turn('r1', 'a', { input: [user('1')] });
    talk.ask({ stream_id: 'b' });
    talk.ask({ stream_id: 'b', previous_response_id: 'r1', input: [user('b')] });
    talk.ask({ previous_response_id: 'r1' });
    talk.transport.last.say('r2', 'x');
    talk.transport.attempts[1]!.say('rb', 'y');
    expect(talk.transport.last.input).toEqual([user('1'), assistant('a'), user('b')]);
  });

  test('items are kept in the order of their index, as a client would send them back', () => {
    const talk = inMode('Transcript');
    talk.ask();
    talk.transport.last
      .created('r1')
      .item({ type: 'message', id: 'second', phase: null }, 1)
      .item({ type: 'reasoning', id: 'first', status: 'completed', content: [], summary: [] }, 0)
      .complete('r1');
    talk.ask({ previous_response_id: 'r1', input: [user('2')] });
    expect(talk.transport.last.input).toEqual([
      { type: 'reasoning', id: 'first', summary: [] },
      { type: 'message', id: 'second' },
      user('2'),
    ]);
  });

  test('a provider that announces no items is remembered by its final output', () => {
    const talk = inMode('Transcript');
    talk.ask({ input: [] });
    talk.transport.last.created('r1').complete('r1', { output: [assistant('a'), assistant('b')] });
    talk.ask({ previous_response_id: 'r1', input: [user('2')] });
    expect(talk.transport.last.input).toEqual([assistant('a'), assistant('b'), user('2')]);
  });

  test('a response without an id is not remembered', () => {
    const talk = inMode('Transcript');
    talk.ask();
    talk.transport.last.event({ type: 'response.completed', response: { id: '' } });
    expect(talk.budget.usedBytes).toBe(0);
  });

  test('an input or an answer beyond the connection’s limit is served, and not remembered', () => {
    const talk = inMode('Transcript', 2_000);
    talk.turn('big in', 'a', { input: 'x'.repeat(3_000) });
    expect(continuing(talk, 'big in')).toBe(FORGOTTEN);
    talk.turn('big out', 'x'.repeat(3_000), { input: [] });
    expect(talk.types().at(-1)).toBe('response.completed');
    expect(continuing(talk, 'big out')).toBe(FORGOTTEN);
    expect(talk.budget.usedBytes).toBe(0);
  });
});

describe('what fails', () => {
  function failing(talk: Talk, members: object): void {
    talk.ask({ ...members });
    talk.transport.last.refuse(400, { code: 'x', message: 'm' });
  }

  test('in its own lane evicts the response it continued, so that a broken state is not used again', () => {
    const talk = inMode('Transcript');
    talk.turn('r1', 'a');
    failing(talk, { previous_response_id: 'r1' });
    expect(talk.budget.usedBytes).toBe(0);
    expect(continuing(talk, 'r1')).toBe(FORGOTTEN);
  });

  test('in another lane leaves the response alone', () => {
    const talk = inMode('Transcript');
    talk.turn('r1', 'a', { input: [user('1')] });
    failing(talk, { stream_id: 'b', previous_response_id: 'r1' });
    talk.ask({ previous_response_id: 'r1', input: [user('2')] });
    expect(talk.transport.last.input).toEqual([user('1'), assistant('a'), user('2')]);
  });

  test('evicts also when the failure is an event, a timeout or a refusal of ours', () => {
    for (const fail of [
      (talk: Talk) => void talk.transport.last.created('r').event({ type: 'response.failed', response: {} }),
      (talk: Talk) => void talk.transport.last.event({ type: 'error', message: 'm' }),
      (talk: Talk) => talk.clock.advance(400_000),
    ]) {
      const talk = inMode('Transcript');
      talk.turn('r1', 'a');
      talk.ask({ previous_response_id: 'r1' });
      fail(talk);
      expect(continuing(talk, 'r1')).toBe(FORGOTTEN);
    }
  });

  test('does not evict what it did not continue', () => {
    const talk = inMode('Transcript');
    talk.turn('r1', 'a', { input: [user('1')] });
    failing(talk, { input: [] });
    talk.ask({ previous_response_id: 'r1', input: [] });
    expect(talk.transport.last.input).toEqual([user('1'), assistant('a')]);
  });

  test('the client going away evicts nothing by itself: all is forgotten', () => {
    const talk = inMode('Transcript');
    talk.turn('r1', 'a');
    talk.ask({ previous_response_id: 'r1' });
    talk.conversation.disconnect();
    expect(talk.budget.usedBytes).toBe(0);
  });
});

describe('warm-ups', () => {
  test('are answered at once, without the provider, and are no turns', () => {
    const talk = inMode('Transcript');
    const id = warmUp(talk, { input: [user('instructions')], stream_id: 'a' });
    expect(id).toMatch(/^resp_tb_[0-9a-f]{36}$/);
    expect(talk.types('a')).toEqual(['response.created', 'response.completed']);
    expect(talk.facts).toMatchObject([
      {
        kind: 'warmup.answered',
        route: 'ai/coding',
        turn: { connectionId: CLIENT.connectionId, outcome: 'completed', attempts: 0 },
      },
    ]);
    expect(talk.facts).toHaveLength(1);
    expect(talk.transport.attempts).toEqual([]);
    expect(talk.conversation.turns).toBe(0);
    expect(talk.counts).toEqual({ idle: 1, bodiesHeld: 0 });
  });

  test('their input is the beginning of the first turn’s, which names them', () => {
    const talk = inMode('Transcript');
    const id = warmUp(talk, { input: [user('instructions')], tools: [{ a: 1 }] });
    talk.ask({ previous_response_id: id, input: [user('1')] });
    expect(talk.transport.last.body).toEqual({
      stream: true,
      model: 'm',
      input: [user('instructions'), user('1')],
    });
  });

  test('without input lead to a turn that is sent as it is', () => {
    const talk = inMode('Transcript');
    const id = warmUp(talk, { input: [] });
    talk.ask({ previous_response_id: id, input: [user('1')] });
    expect(talk.transport.last.input).toEqual([user('1')]);
  });

  test('may follow one another, and a turn', () => {
    const talk = inMode('Transcript');
    const first = warmUp(talk, { input: [user('a')] });
    const second = warmUp(talk, { previous_response_id: first, input: [user('b')] });
    talk.turn('r1', 'x', { previous_response_id: second, input: [user('1')] });
    const third = warmUp(talk, { previous_response_id: 'r1', input: [user('c')] });
    talk.ask({ previous_response_id: third, input: [user('2')] });
    expect(talk.transport.last.input).toEqual([
      user('a'),
      user('b'),
      user('1'),
      assistant('x'),
      user('c'),
      user('2'),
    ]);
  });

  test.each([
    [{ previous_response_id: 'unknown' }, 'previous_response_not_found'],
    [{ model: 'claude' }, 'model_not_found'],
  ])('that are refused (%j) are told like any request that was', (members, code) => {
    const talk = openTalk({ group: aGroup(aRoute({ match: { models: ['m'], headers: [] } })) });
    talk.ask({ generate: false, ...members });
    expect(talk.errors()).toMatchObject([{ error: { code } }]);
    expect(talk.facts.map(({ kind }) => kind)).toEqual(['turn.queued', 'turn.ended']);
    expect(talk.ended()).toMatchObject([{ outcome: 'rejected', errorType: code }]);
    expect(talk.counts).toEqual({ idle: 1, bodiesHeld: 0 });
  });

  test('beyond the connection’s limit get a blank id, so that the client sends everything', () => {
    const talk = inMode('Transcript', 100);
    expect(warmUp(talk, { input: 'x'.repeat(200) })).toBe('');
    expect(talk.budget.usedBytes).toBe(0);
  });

  test('wait for their turn in their lane', () => {
    const talk = inMode('Transcript');
    talk.ask();
    talk.ask({ generate: false });
    expect(talk.types()).toEqual([]);
    talk.transport.last.say('r', 'x');
    expect(talk.types().slice(-2)).toEqual(['response.created', 'response.completed']);
  });
});

describe('Stateless: nothing is remembered', () => {
  test('terminal events have a blank id; the other events keep theirs', () => {
    const talk = inMode('Stateless');
    talk.turn('r1', 'a', { input: [user('1')] });
    expect(talk.sent[0]?.event).toMatchObject({ type: 'response.created', response: { id: 'r1' } });
    expect(lastId(talk)).toBe('');
    expect(talk.ended()[0]?.responseId).toBe('r1');
    expect(talk.budget.usedBytes).toBe(0);
  });

  test('warm-ups get a blank id', () => {
    const talk = inMode('Stateless');
    expect(warmUp(talk, { input: [user('x')] })).toBe('');
    expect(talk.budget.usedBytes).toBe(0);
  });

  test('a request that continues anyway is told to send everything', () => {
    const talk = inMode('Stateless');
    talk.turn('r1', 'a');
    expect(continuing(talk, 'r1')).toBe(FORGOTTEN);
    expect(talk.errors()[0]?.error.message).toContain('This route keeps nothing between requests.');
  });
});

describe('Provider: the provider remembers', () => {
  test('ids pass, and nothing is kept', () => {
    const talk = inMode('Provider');
    talk.turn('r1', 'a', { previous_response_id: 'stored', input: [user('1')] });
    expect(talk.transport.last.body).toEqual({
      stream: true,
      model: 'm',
      previous_response_id: 'stored',
      input: [user('1')],
    });
    expect(lastId(talk)).toBe('r1');
    expect(talk.ended()[0]?.continuation).toBe('passed');
    expect(talk.budget.usedBytes).toBe(0);
  });

  test('a blank id is nobody’s', () => {
    expect(continuing(inMode('Provider'), '')).toBe(FORGOTTEN);
  });

  test('a warm-up is remembered here, and the turn after it is sent with its input', () => {
    const talk = inMode('Provider');
    const id = warmUp(talk, { input: [user('instructions')] });
    talk.ask({ previous_response_id: id, input: [user('1')] });
    expect(talk.transport.last.body).toEqual({
      stream: true,
      model: 'm',
      input: [user('instructions'), user('1')],
    });
  });

  test('a warm-up that continues a stored response passes that id with the turn after it', () => {
    const talk = inMode('Provider');
    const id = warmUp(talk, { previous_response_id: 'stored', input: [user('w')] });
    talk.ask({ previous_response_id: id, input: [user('1')] });
    expect(talk.transport.last.body).toMatchObject({
      previous_response_id: 'stored',
      input: [user('w'), user('1')],
    });
  });

  test.each([undefined, 'stored'])('a chain of warm-ups never sends an id of ours (base %j)', (base) => {
    const talk = inMode('Provider');
    const first = warmUp(talk, { ...(base && { previous_response_id: base }), input: [user('a')] });
    const second = warmUp(talk, { previous_response_id: first, input: [user('b')] });
    talk.ask({ previous_response_id: second, input: [user('1')] });
    expect(talk.transport.last.body['previous_response_id']).toBe(base);
    expect(talk.transport.last.input).toEqual([user('a'), user('b'), user('1')]);
  });

  test('a failing turn after a warm-up evicts it', () => {
    const talk = inMode('Provider');
    const id = warmUp(talk, { input: [user('w')] });
    talk.ask({ previous_response_id: id });
    talk.transport.last.refuse(400, { message: 'm' });
    expect(talk.budget.usedBytes).toBe(0);
  });
});

test('a lane’s memory has room for as much as its connection may remember', () => {
  const talk = inMode('Transcript', 1_000);
  const memory = new LaneMemory(talk.transcripts, '');
  expect([memory.hasRoomFor(1_000), memory.hasRoomFor(1_001)]).toEqual([true, false]);
});
