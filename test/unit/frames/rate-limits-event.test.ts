import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { toRateLimitsEvents, toRemaining } from '../../../src/frames/rate-limits-event.ts';
import { runs } from '../../harness/property-runs.ts';

type Json = Record<string, unknown>;

function eventsOf(headers: Record<string, string>): readonly Json[] {
  return toRateLimitsEvents(headers).map((event) => JSON.parse(event.toString()) as Json);
}

describe('the rate limits of an answer', () => {
  test('become the event that Codex reads on a socket', () => {
    expect(
      eventsOf({
        'x-codex-primary-used-percent': '12.5',
        'x-codex-primary-window-minutes': '300',
        'x-codex-primary-reset-at': '1795000000',
        'x-codex-secondary-used-percent': '80',
        'x-codex-secondary-window-minutes': '10080',
        'x-codex-secondary-reset-at': '1795600000',
        'x-codex-credits-has-credits': 'true',
        'x-codex-credits-unlimited': 'False',
        'x-codex-credits-balance': '9.99',
        'x-request-id': 'req_1',
      }),
    ).toEqual([
      {
        type: 'codex.rate_limits',
        rate_limits: {
          primary: { used_percent: 12.5, window_minutes: 300, reset_at: 1_795_000_000 },
          secondary: { used_percent: 80, window_minutes: 10_080, reset_at: 1_795_600_000 },
        },
        credits: { has_credits: true, unlimited: false, balance: '9.99' },
        metered_limit_name: 'codex',
      },
    ]);
  });

  test('are one event for each limit, the account’s own first', () => {
    const events = eventsOf({
      'x-codex-other-primary-used-percent': '3',
      'x-codex-bengalfox-primary-used-percent': '4',
      'x-codex-primary-used-percent': '5',
    });
    expect(events.map((event) => event['metered_limit_name'])).toEqual([
      'codex',
      'codex_bengalfox',
      'codex_other',
    ]);
    expect(events.map((event) => event['credits'])).toEqual([null, null, null]);
  });

  test('are eight events at most', () => {
    const headers = Object.fromEntries(
      Array.from({ length: 50 }, (_, index) => [`x-limit-${index}-primary-used-percent`, '1']),
    );
    expect(eventsOf(headers)).toHaveLength(7); // and none of the account's own
  });

  test('are told without a window that says nothing', () => {
    expect(eventsOf({ 'x-codex-primary-used-percent': '0', 'x-codex-primary-window-minutes': '0' })).toEqual(
      [],
    );
    expect(
      eventsOf({ 'x-codex-primary-used-percent': '0', 'x-codex-primary-window-minutes': '300' }),
    ).toEqual([
      expect.objectContaining({
        rate_limits: { primary: { used_percent: 0, window_minutes: 300, reset_at: null }, secondary: null },
      }),
    ]);
  });

  test.each([
    [{}],
    [{ 'x-request-id': 'req_1', 'x-ratelimit-limit-requests': '5' }],
    [{ 'x-codex-primary-window-minutes': '300' }],
    [{ 'x-codex-credits-has-credits': 'true' }],
    [{ 'x-codex-credits-balance': '5' }],
    [{ 'x--primary-used-percent': '5' }],
    [{ 'primary-used-percent': '5' }],
  ])('are no event where there are none: %p', (headers: Record<string, string>) => {
    expect(toRateLimitsEvents(headers)).toEqual([]);
  });

  const MALFORMED = [
    '',
    ' ',
    'NaN',
    'Infinity',
    '-1',
    '1e3',
    '0x10',
    '1,5',
    '5 %',
    'null',
    'true',
    '9'.repeat(40),
    '{}',
    '"',
  ];

  test.each(MALFORMED)('with a percentage of %p are no event', (value) => {
    expect(eventsOf({ 'x-codex-primary-used-percent': value })).toEqual([]);
  });

  test.each([...MALFORMED, '1.5'])('with minutes and a reset of %p leave these out', (value) => {
    expect(
      eventsOf({
        'x-codex-primary-used-percent': '7',
        'x-codex-primary-window-minutes': value,
        'x-codex-primary-reset-at': value,
      }),
    ).toEqual([
      expect.objectContaining({
        rate_limits: { primary: { used_percent: 7, window_minutes: null, reset_at: null }, secondary: null },
      }),
    ]);
  });

  test.each(MALFORMED.filter((value) => value !== 'true'))('with credits of %p have none', (value) => {
    const [event] = eventsOf({
      'x-codex-primary-used-percent': '7',
      'x-codex-credits-has-credits': value,
      'x-codex-credits-unlimited': 'false',
    });
    expect(event?.['credits']).toBeNull();
  });

  test('whatever the headers hold are JSON without a number that is none', () => {
    const name = fc.constantFrom(
      ...['primary', 'secondary'].flatMap((which) =>
        ['used-percent', 'window-minutes', 'reset-at'].map((what) => `x-codex-${which}-${what}`),
      ),
      'x-codex-credits-has-credits',
      'x-codex-credits-unlimited',
      'x-codex-credits-balance',
      'x-weird-primary-used-percent',
    );
    const value = fc.oneof(
      fc.string(),
      fc.double().map(String),
      fc.integer().map(String),
      fc.constant('true'),
    );
    fc.assert(
      fc.property(fc.dictionary(name, value), (headers) => {
        for (const event of eventsOf(headers)) {
          const { primary, secondary } = event['rate_limits'] as Record<string, Json | null>;
          for (const window of [primary, secondary]) {
            if (window === null || window === undefined) continue;
            expect(Number.isFinite(window['used_percent'])).toBe(true);
            expect(
              [window['window_minutes'], window['reset_at']].every(
                (it) => it === null || Number.isInteger(it),
              ),
            ).toBe(true);
          }
        }
      }),
      runs(500),
    );
  });
});

describe('what remains of a provider’s window', () => {
  test('is told for requests and tokens', () => {
    expect(
      toRemaining({
        'x-ratelimit-limit-requests': '200',
        'x-ratelimit-remaining-requests': '50',
        'x-ratelimit-limit-tokens': '1000',
        'x-ratelimit-remaining-tokens': '1000',
      }),
    ).toEqual({ requests: 0.25, tokens: 1 });
  });

  test.each<[string, Record<string, string>, unknown]>([
    ['nothing', {}, undefined],
    ['one of two', { 'x-ratelimit-limit-tokens': '10' }, undefined],
    [
      'a limit of nothing',
      { 'x-ratelimit-limit-tokens': '0', 'x-ratelimit-remaining-tokens': '0' },
      undefined,
    ],
    [
      'more than all',
      { 'x-ratelimit-limit-tokens': '10', 'x-ratelimit-remaining-tokens': '20' },
      { requests: undefined, tokens: 1 },
    ],
    [
      'less than nothing',
      { 'x-ratelimit-limit-tokens': '10', 'x-ratelimit-remaining-tokens': '-5' },
      undefined,
    ],
    [
      'two answers in one',
      { 'x-ratelimit-limit-tokens': '10, 10', 'x-ratelimit-remaining-tokens': '5' },
      undefined,
    ],
    ['no number', { 'x-ratelimit-limit-tokens': 'NaN', 'x-ratelimit-remaining-tokens': 'NaN' }, undefined],
  ])('is not more than the headers say: %s', (_what, headers, expected) => {
    expect(toRemaining(headers)).toEqual(expected);
  });
});
