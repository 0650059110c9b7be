import { describe, expect, test } from '@jest/globals';
import {
  hostsToClose,
  isClosed,
  MAX_CLOSED_HOSTS,
  MAX_CLOSED_HOSTS_PER_NAMESPACE,
} from '../../../src/route/closed-hosts.ts';
import type { ServedRoute } from '../../../src/route/snapshot.ts';
import { aRoute } from '../../harness/compiled-route.ts';

const served = (...hostnames: string[]): ServedRoute => ({ hostnames, paths: ['/v1'], compiled: aRoute() });
const claims = (...hosts: string[]) => hosts.map((host) => ({ host, namespace: 'ai' }));

describe('a host that routes claim', () => {
  test.each([
    ['is not closed while one of them is served', ['a.example.com'], ['a.example.com', '*'], []],
    ['is closed where a route for any host would answer for it', ['a.example.com'], ['*'], ['a.example.com']],
    ['is closed where one for more hosts would', ['a.b.c'], ['*.c'], ['a.b.c']],
    ['need not be closed where nobody would', ['a.b.c'], ['*.d', 'x.b.c', '*.a.b.c'], []],
    ['may be a pattern itself', ['*.b.c', '*'], ['*.c', 'a.b.c'], ['*.b.c']],
  ])('%s', (_, claimed, open, expected) => {
    expect(hostsToClose(claims(...claimed), [served(...open)])).toEqual(expected);
  });

  test('of one namespace with too many takes no room from another', () => {
    const many = Array.from({ length: 5000 }, (_, index) => ({
      host: `h${String(index).padStart(4, '0')}.example.com`,
      namespace: 'many',
    }));
    const closed = hostsToClose([...many, { host: 'mine.example.com', namespace: 'ai' }], [served('*')]);
    expect(closed).toHaveLength(MAX_CLOSED_HOSTS_PER_NAMESPACE + 1);
    expect(closed).toContain('mine.example.com');
    expect(closed).toContain('h0000.example.com');
  });

  test('is closed in bounded number, the oldest first', () => {
    const of = (index: number) => ({ host: `h${index}.example.com`, namespace: `n${index % 100}` });
    const closed = hostsToClose(
      Array.from({ length: 2 * MAX_CLOSED_HOSTS }, (_, index) => of(index)),
      [served('*')],
    );
    expect(closed).toHaveLength(MAX_CLOSED_HOSTS);
    expect(closed).toContain(of(MAX_CLOSED_HOSTS - 1).host);
  });
});

describe('a name', () => {
  test.each([
    ['a.b.c', ['a.b.c'], '*', true],
    ['a.b.c', ['*.c'], '*', true],
    ['a.b.c', ['*.c'], '*.b.c', false],
    ['a.b.c', ['*.b.c'], '*.c', true],
    ['a.b.c', ['*.b.c'], 'a.b.c', false],
    ['a.b.c', ['x.b.c', 'b.c'], '*', false],
    ['a.b.c', ['*'], '*', false],
    ['', ['a.b.c'], '*', false],
    ['[::1]', ['a.b.c'], '*', false],
  ])('%s with %j closed and %s served is closed: %p', (name, closed, open, expected) => {
    expect(isClosed(name, new Set(closed), open)).toBe(expected);
  });
});
