/** What docs/reliability.md says of hostile input, for the tests that keep it true. */
import { tableBelow } from '../failure/reliability-page.ts';

/** Microseconds of processor time that the page names for each refusal, by what comes. */
export function refusalFigures(): ReadonlyMap<string, number> {
  const [, ...rows] = tableBelow('### What a refusal costs');
  return new Map(rows.map(([what = '', , us = '']) => [what, Number(us)]));
}

/** The flags of the command that the page names as limits, without their dashes. */
export function namedFlags(): string[] {
  return named(/--([a-z-]+)/g);
}

/** The fields of a route's `limits` that it names. */
export function namedLimits(): string[] {
  return named(/limits\.([A-Za-z]+)/g);
}

function named(pattern: RegExp): string[] {
  const [, ...rows] = tableBelow('### What comes in, and what stops it');
  const limits = rows.map(([, , limit = '']) => limit).join(' ');
  return [...new Set([...limits.matchAll(pattern)].map(([, name = '']) => name))];
}
