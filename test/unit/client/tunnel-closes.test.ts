import { describe, expect, test } from '@jest/globals';
import { toClientClose, toProviderClose } from '../../../src/client/tunnel-closes.ts';

describe('a close that is passed on', () => {
  test.each([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013, 3000, 4001, 4999])(
    'keeps the code %i and its reason, in both directions',
    (code) => {
      expect(toClientClose(code, 'why')).toEqual({ code, reason: 'why' });
      expect(toProviderClose(code, 'why')).toEqual({ code, reason: 'why' });
    },
  );

  test.each([1004, 1015, 1016, 2999, 5000, 0])('with %i, which may not be sent, becomes 1011', (code) => {
    expect(toClientClose(code, '').code).toBe(1011);
    expect(toProviderClose(code, '').code).toBe(1011);
  });

  test('without a code is a normal one', () => {
    expect(toClientClose(1005, '')).toEqual({ code: 1000, reason: '' });
    expect(toProviderClose(1005, '')).toEqual({ code: 1000, reason: '' });
  });

  test('that was none tells the client that it may try again, and the provider that the client went', () => {
    expect(toClientClose(1006, '').code).toBe(1011);
    expect(toProviderClose(1006, '')).toEqual({ code: 1001, reason: 'client went away' });
  });

  test('of a provider never has a code that is only for clients, nor 1014', () => {
    expect(toClientClose(1010, 'r')).toEqual({ code: 1011, reason: 'r' });
    expect(toClientClose(1014, 'r')).toEqual({ code: 1011, reason: 'r' });
    expect(toProviderClose(1010, 'r').code).toBe(1010);
    expect(toProviderClose(1014, 'r').code).toBe(1014);
  });

  test('has a reason of 123 bytes at most, cut at a character', () => {
    const { reason } = toClientClose(1000, 'é'.repeat(100));
    expect(reason).toBe('é'.repeat(61));
  });
});
