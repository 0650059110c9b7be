import { describe, expect, test } from '@jest/globals';
import { RateLimitWindows } from '../../../src/client/rate-limit-windows.ts';
import { manualClock } from '../../harness/clock.ts';

const figures = {
  'x-codex-primary-used-percent': '37.5',
  'x-codex-primary-window-minutes': '300',
  'x-codex-primary-reset-at': '1700000000',
  'x-codex-secondary-used-percent': '12',
  'x-codex-credits-has-credits': 'true',
  'x-codex-credits-unlimited': 'false',
  'x-codex-credits-balance': '10.00',
  'x-codex-spark-primary-used-percent': '1',
  'x-codex-spark-limit-name': 'Spark',
};

describe('the window of a client', () => {
  test('is what its last answer said, and nobody else’s', () => {
    const windows = new RateLimitWindows(manualClock());
    windows.note('alice', figures);
    expect(windows.headersFor('alice')).toEqual(figures);
    expect(windows.headersFor('bob')).toEqual({});
    windows.note('alice', { 'x-codex-primary-used-percent': '40' });
    expect(windows.headersFor('alice')).toEqual({ 'x-codex-primary-used-percent': '40' });
  });

  test('holds nothing of an answer but the window', () => {
    const windows = new RateLimitWindows(manualClock());
    windows.note('alice', {
      ...figures,
      'x-codex-turn-state': 'secret',
      'x-request-id': 'req_1',
      'x-ratelimit-remaining-requests': '9',
      'openai-model': 'gpt',
      'set-cookie': 'a=b',
      'x-evil-primary-used-percent-more': '1',
    });
    expect(windows.headersFor('alice')).toEqual(figures);
  });

  test('stays when an answer says nothing of it', () => {
    const windows = new RateLimitWindows(manualClock());
    windows.note('alice', figures);
    windows.note('alice', { 'x-request-id': 'req_1' });
    expect(windows.headersFor('alice')).toEqual(figures);
  });

  test('is forgotten after ten minutes', () => {
    const clock = manualClock();
    const windows = new RateLimitWindows(clock);
    windows.note('alice', figures);
    clock.advance(600_000);
    expect(windows.headersFor('alice')).toEqual(figures);
    clock.advance(1);
    expect(windows.headersFor('alice')).toEqual({});
  });

  test('is kept for 4,096 clients; of more, those go that were told of longest ago', () => {
    const windows = new RateLimitWindows(manualClock());
    for (let n = 0; n < 4_096; n++) windows.note(`client-${n}`, figures);
    windows.note('client-0', figures);
    windows.note('one more', figures);
    expect(windows.headersFor('client-0')).toEqual(figures);
    expect(windows.headersFor('client-1')).toEqual({});
    expect(windows.headersFor('client-2')).toEqual(figures);
  });

  test('has sixteen headers at most, whatever a provider makes up', () => {
    const windows = new RateLimitWindows(manualClock());
    const many = Array.from({ length: 40 }, (_, n) => [`x-codex-${n}-primary-used-percent`, '1']);
    windows.note('alice', Object.fromEntries(many) as Record<string, string>);
    expect(Object.keys(windows.headersFor('alice'))).toHaveLength(16);
  });

  test('holds no value that could break a header, or that is long', () => {
    const windows = new RateLimitWindows(manualClock());
    windows.note('alice', {
      'x-codex-primary-used-percent': '1\r\nset-cookie: a=b',
      'x-codex-limit-name': 'n'.repeat(65),
      'x-codex-primary-reset-at': 'é',
    });
    expect(windows.headersFor('alice')).toEqual({});
  });
});
