import { describe, expect, test } from '@jest/globals';
import { refusal, toErrorBody, toErrorFrame } from '../../../src/frames/errors.ts';
import {
  failedEvent,
  injectFailedEvent,
  interruptedEvent,
  KEEPALIVE_EVENT,
  steerFailedEvent,
  turnStateEvent,
  warmupEvents,
  withStreamId,
  type ResponseSketch,
} from '../../../src/frames/server-events.ts';

const ITEM = '{"type":"message","id":"msg_1","role":"assistant","content":[]}';
const SKETCH: ResponseSketch = {
  id: 'resp_"1"',
  model: 'gpt-\ud800"x"',
  createdAtS: 1_790_000_000,
  previousResponseId: 'resp_0',
  output: [Buffer.from(ITEM), Buffer.from(ITEM)],
};

function parse(event: Buffer): Record<string, unknown> {
  return JSON.parse(event.toString()) as Record<string, unknown>;
}

describe('events that the bridge writes', () => {
  test('a warm-up is answered by a created and a completed response without usage', () => {
    const [created, completed] = warmupEvents({ ...SKETCH, output: [] }, 'resp_visible').map(parse);
    expect(created).toMatchObject({
      type: 'response.created',
      sequence_number: 0,
      response: { id: 'resp_"1"', status: 'in_progress', usage: null, output: [] },
    });
    expect(completed).toMatchObject({
      type: 'response.completed',
      sequence_number: 1,
      response: {
        id: 'resp_visible',
        status: 'completed',
        model: 'gpt-\ud800"x"',
        previous_response_id: 'resp_0',
        usage: { input_tokens: 0, output_tokens: 0, total_tokens: 0 },
      },
    });
  });

  test('a failed response keeps its id and its finished items, and says why', () => {
    expect(parse(failedEvent(SKETCH, 7, refusal('idle_timeout', 'The provider is "silent".')))).toMatchObject(
      {
        type: 'response.failed',
        sequence_number: 7,
        response: {
          id: 'resp_"1"',
          object: 'response',
          status: 'failed',
          error: { code: 'idle_timeout', message: 'The provider is "silent".' },
          incomplete_details: null,
          output: [JSON.parse(ITEM), JSON.parse(ITEM)],
        },
      },
    );
  });

  test('an error without a code fails a response as `server_error`, on which clients retry', () => {
    const answer = {
      status: 502,
      error: { type: 'server_error', code: null, message: 'm', param: null },
      headers: {},
    };
    expect(parse(failedEvent(SKETCH, 0, answer))).toMatchObject({
      response: { error: { code: 'server_error', message: 'm' } },
    });
  });

  test('an interrupted response is incomplete, for that reason', () => {
    expect(parse(interruptedEvent({ ...SKETCH, previousResponseId: undefined }, 3))).toMatchObject({
      type: 'response.incomplete',
      sequence_number: 3,
      response: {
        status: 'incomplete',
        error: null,
        incomplete_details: { reason: 'interrupted' },
        previous_response_id: null,
      },
    });
  });

  test('a turn state travels in an event of its own', () => {
    expect(parse(turnStateEvent('a"b'))).toEqual({
      type: 'response.metadata',
      headers: { 'x-codex-turn-state': 'a"b' },
    });
  });

  test('the keep-alive has no sequence number, so it leaves no gap', () => {
    expect(parse(KEEPALIVE_EVENT)).toEqual({ type: 'keepalive' });
  });

  test('steering and injecting are refused in their own event form, the input given back', () => {
    expect(parse(steerFailedEvent('r"1', Buffer.from('[{"a":1}]')))).toMatchObject({
      type: 'response.steer.failed',
      error: { code: 'steering_not_supported', type: 'invalid_request_error' },
      steer: { previous_response_id: 'r"1', input: [{ a: 1 }] },
    });
    expect(parse(steerFailedEvent(undefined, undefined))).toMatchObject({
      steer: { previous_response_id: null, input: null },
    });
    expect(parse(injectFailedEvent('r1', Buffer.from('"x"')))).toMatchObject({
      type: 'response.inject.failed',
      response_id: 'r1',
      input: 'x',
      error: { code: 'injection_not_supported' },
    });
    expect(parse(injectFailedEvent(undefined, undefined))).toMatchObject({ response_id: null, input: null });
  });
});

describe('a lane’s name in an event', () => {
  test.each(['{"type":"x","a":{"b":1}}', ' \n{"type":"x"}', '{ "type" : "x" }'])(
    'is put into %j, and nothing else is changed',
    (text) => {
      expect(parse(withStreamId(Buffer.from(text), 'lane.1'))).toEqual({
        ...(JSON.parse(text) as object),
        stream_id: 'lane.1',
      });
    },
  );

  test('is left out where there is no object to carry it', () => {
    expect(withStreamId(Buffer.from('[1]'), 'a').toString()).toBe('[1]');
  });

  test('does not touch the event that was given', () => {
    const event = Buffer.from('{"type":"x"}');
    withStreamId(event, 'a');
    expect(event.toString()).toBe('{"type":"x"}');
  });
});

describe('errors', () => {
  test('an error frame always has a numeric status, and headers only where there are some', () => {
    expect(parse(toErrorFrame(refusal('queue_full', 'full'), 'lane'))).toEqual({
      type: 'error',
      status: 429,
      error: { type: 'rate_limit_error', code: 'queue_full', message: 'full', param: null },
      headers: { 'retry-after': '1' },
      stream_id: 'lane',
    });
    expect(parse(toErrorFrame(refusal('invalid_json', 'm', 'p')))).toEqual({
      type: 'error',
      status: 400,
      error: { type: 'invalid_request_error', code: 'invalid_json', message: 'm', param: 'p' },
    });
  });

  test('over HTTP the same error is the body', () => {
    expect(JSON.parse(toErrorBody(refusal('model_not_found', 'm', 'model')))).toEqual({
      error: { type: 'invalid_request_error', code: 'model_not_found', message: 'm', param: 'model' },
    });
  });
});
