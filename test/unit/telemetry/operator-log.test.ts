import { expect, test } from '@jest/globals';
import type { OperatorFact } from '../../../src/operator/facts.ts';
import type { Log } from '../../../src/telemetry/log/log.ts';
import { operatorLog } from '../../../src/telemetry/operator/operator-log.ts';

/** The listener, and the lines it has written: level, message, Secret. */
function listener() {
  const lines: string[] = [];
  const take =
    (level: string) =>
    (_: string, message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      lines.push(`${level}: ${message} ${String(fields['secret'] ?? fields['route'])}`);
    };
  const log = { info: take('info'), warn: take('warn'), error: take('error'), debug: () => undefined };
  return { lines, hear: operatorLog(log as unknown as Log) };
}

function compiled(secret: string, level: 'Normal' | 'NearlyFull' | 'Full'): OperatorFact {
  return { kind: 'snapshot.compiled', secret, routes: 1, leftOut: 0, bytes: 1, level, seconds: 1 };
}

test('each Secret that fills is told once, whatever the others hold, and a full one in words of its own', () => {
  const { lines, hear } = listener();
  for (const level of ['NearlyFull', 'NearlyFull', 'Full', 'Full'] as const) {
    hear(compiled('a/large', level));
    hear(compiled('b/small', 'Normal'));
  }
  hear(compiled('a/large', 'NearlyFull'));
  expect(lines).toEqual([
    'warn: snapshot nearly as large as a Secret can be a/large',
    'warn: snapshot full: routes are left out a/large',
    'warn: snapshot nearly as large as a Secret can be a/large',
  ]);
});

test('pods that stay behind are told once for each asking', () => {
  const { lines, hear } = listener();
  for (const isRepeated of [false, true, true, false])
    hear({ kind: 'pods.behind', secret: 'a/b', pods: 2, behind: ['x'], isRepeated });
  expect(lines).toHaveLength(2);
});

test('two operators of one bridge name are told, with the cure', () => {
  const { lines, hear } = listener();
  hear({ kind: 'status.overwritten', route: 'ai/a' });
  hear({ kind: 'statuses.contested', route: 'ai/a', routes: 7 });
  expect(lines).toEqual(['warn: somebody else writes statuses too: written more and more seldom ai/a']);
});
