import { describe, expect, test } from '@jest/globals';
import { toExcerpt, toPrintable } from '../../../src/probe/printable.ts';
import { toProbeEvent, turnEndOf } from '../../../src/probe/probe-event.ts';
import { toReportText, TurnObserver } from '../../../src/probe/turn-report.ts';
import { goodAnswer } from './fake-deployment.ts';

function event(value: unknown, at = 0) {
  return toProbeEvent(JSON.stringify(value), at);
}

const WITHOUT = { outcome: 'broken', reason: 'no event ended the turn' } as const;

test('a turn is told with its times, its events and its tokens', () => {
  const observer = new TurnObserver('websocket', 100, 5);
  const texts = goodAnswer('resp_1', 'pong').map((value, i) => observer.observe(event(value, 110 + i * 10)));
  expect(texts.filter((text) => text !== undefined)).toEqual(['po', 'ng']);
  const report = observer.report(165, WITHOUT);
  expect(report).toMatchObject({
    outcome: 'completed',
    reason: undefined,
    connectMs: 5,
    firstEventMs: 10,
    firstTextMs: 30,
    totalMs: 65,
    events: 6,
    responseId: 'resp_1',
    model: 'gpt-5.5',
    tokens: { input: 12, cached: 4, output: 3, reasoning: 1 },
  });
  expect(toReportText(report)).toBe(
    [
      'completed · resp_1 · gpt-5.5 · over websocket',
      'connect 5 ms · first event 10 ms · first text 30 ms · total 65 ms',
      `6 events · ${report.bytes} B · tokens: 12 in (4 cached), 3 out (1 reasoning)`,
    ].join('\n'),
  );
});

test('text that comes only with its finished item is shown once', () => {
  const observer = new TurnObserver('http', 0);
  const [, , , , done, completed] = goodAnswer('resp_1', 'pong');
  expect(observer.observe(event(done))).toBe('pong');
  expect(observer.observe(event(completed))).toBeUndefined();
});

test('a turn without an ending event is told as what its end was', () => {
  const observer = new TurnObserver('websocket', 0);
  observer.observe(event({ type: 'response.created', response: { id: 'resp_1' } }));
  const report = observer.report(1, { outcome: 'broken', reason: 'the connection was closed' });
  expect(report).toMatchObject({ outcome: 'broken', reason: 'the connection was closed' });
  expect(toReportText(report)).toContain('no first text');
});

describe('an event ends its turn', () => {
  test.each([
    [{ type: 'response.completed' }, 'completed', undefined],
    [
      { type: 'response.incomplete', response: { incomplete_details: { reason: 'max_output_tokens' } } },
      'incomplete',
      'max_output_tokens',
    ],
    [
      { type: 'response.failed', response: { error: { code: 'server_error', message: 'broken' } } },
      'failed',
      'server_error: broken',
    ],
    [
      { type: 'error', status: 404, error: { code: 'model_not_found', message: 'no such model' } },
      'error',
      '404 model_not_found: no such model',
    ],
    [{ type: 'error', code: 'rate_limit_exceeded', message: 'slow' }, 'error', 'rate_limit_exceeded: slow'],
    [{ type: 'error' }, 'error', 'no reason given'],
  ])('%j', (value, outcome, reason) => {
    expect(turnEndOf(event(value))).toEqual({ outcome, reason });
  });

  test('and all others do not', () => {
    expect(turnEndOf(event({ type: 'response.done' }))).toBeUndefined();
    expect(turnEndOf(toProbeEvent('not json', 0))).toBeUndefined();
  });
});

test('text of others cannot command a terminal', () => {
  expect(toPrintable('a\u001b[2Jb\u009b31mc\td\n')).toBe('a[2Jb31mc\td\n');
  expect(toExcerpt('one\ntwo   three', 9)).toBe('one two t…');
});
