import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { FAILOVER_CAUSES } from '../../../src/route/failover-causes.ts';
import { Secret } from '../../../src/route/secret.ts';
import { judgeEnd, judgeTimeout } from '../../../src/turn/failover-cause.ts';
import { HealthBook } from '../../../src/turn/health.ts';
import { aProvider, aRoute } from '../../harness/compiled-route.ts';
import { manualClock } from '../../harness/clock.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/failover.md'), 'utf8');

/** The rows of the table whose head begins with these words. */
function rowsOf(head: string): readonly (readonly string[])[] {
  const [, table = ''] = page.split(`| ${head}`);
  return (table.split('\n\n')[0] ?? '')
    .split('\n')
    .slice(2)
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

const OWN = aProvider({
  auth: { type: 'APIKey', header: 'authorization', prefix: 'Bearer ', key: new Secret('sk-1') },
});
const CLIENTS = aProvider({ auth: { type: 'Passthrough' } });

/** What a table's row says of a status, as the cells have it. */
function judged(status: number, row: string): readonly [cause: string, counts: string] {
  const headers: Record<string, string> = row.includes('with `retry-after`') ? { 'retry-after': '5' } : {};
  const { cause, isFailure, retryAfterMs } = judgeEnd(
    { kind: 'refused', phase: 'request', status, httpVersion: '1.1', headers, body: Buffer.from('{}') },
    row.includes('client’s own key') || row.includes("client's own key") ? CLIENTS : OWN,
    { transport: 'http', isAnswered: false },
  );
  return [
    cause === undefined ? 'none' : `\`${cause}\``,
    isFailure ? 'yes' : retryAfterMs === undefined ? 'no' : 'it rests',
  ];
}

describe('docs/failover.md', () => {
  const rows = rowsOf('what happens before the first event');
  const statuses = rows.flatMap(([what = '', cause = '', counts = '']) =>
    what.startsWith('status')
      ? [...what.matchAll(/\b\d{3}\b/g)].map(([status]) => [Number(status), what, cause, counts] as const)
      : [],
  );

  test('tells of every cause, and of no other', () => {
    const told = new Set(rows.map(([, cause = '']) => cause.replaceAll('`', '')));
    expect([...told].toSorted()).toEqual(['none', ...FAILOVER_CAUSES].toSorted());
    expect(statuses.length).toBeGreaterThan(15);
  });

  test.each(statuses)('says what status %p is: %s', (status, what, cause, counts) => {
    expect(judged(status, what)).toEqual([cause, counts]);
  });

  test('says what a missing first event is', () => {
    const row = rows.find(([what = '']) => what.includes('firstEventSeconds'));
    expect(row?.slice(1)).toEqual([`\`${judgeTimeout().cause ?? ''}\``, 'yes']);
  });

  test('says how long the rests of a provider are that stays down', () => {
    const [, said = ''] = /stays down are ([\d, ]+) … seconds/.exec(page) ?? [];
    const clock = manualClock();
    const rests: number[] = [];
    const book = new HealthBook(clock, (fact) => {
      if (fact.kind === 'provider.ejected') rests.push(fact.forMs / 1_000);
    });
    const provider = aProvider();
    for (let i = 0; i < provider.health.consecutiveFailures; i++) book.failed(aRoute(), provider, 'Timeout');
    while (rests.length < 7) {
      clock.advance((rests.at(-1) ?? 0) * 1_000);
      book.failed(aRoute(), provider, 'Timeout');
    }
    expect(said.split(', ').map(Number)).toEqual(rests);
  });
});
