/** docs/transports.md says what the code does. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { DEFAULT_SOCKET_LIMITS } from '../../../src/provider/socket-limits.ts';

const page = readFileSync(new URL('../../../docs/transports.md', import.meta.url), 'utf8');
const facts = readFileSync(new URL('../../../src/provider/socket-facts.ts', import.meta.url), 'utf8');

test('every limit of a socket is there with its default', () => {
  for (const [name, value] of Object.entries(DEFAULT_SOCKET_LIMITS)) {
    const row = page.split('\n').find((line) => line.includes(`(\`${name}\`)`)) ?? `no row for ${name}`;
    const isTime = name.endsWith('Ms');
    const texts = isTime && value >= 1_000 ? [`${value / 1_000} s`] : [String(value), `${value} ms`];
    expect(texts.some((text) => row.includes(` ${text} (`))).toBe(true);
  }
});

test('every reason for which a socket is closed is there', () => {
  const type = /type SocketCloseReason =([^;]+);/.exec(facts)?.[1] ?? '';
  const reasons = Array.from(type.matchAll(/'(\w+)'/g), ([, name]) => name);
  expect(reasons.length).toBeGreaterThan(5);
  for (const reason of reasons) expect(page).toContain(`| \`${reason}\``);
});
