/**
 * The rate limits that a provider tells in headers. A socket has none per turn: what the Codex CLI reads as
 * `x-codex-…` headers over HTTP, it reads on a socket as an event of its own backend, `codex.rate_limits`.
 */

/** Headers of an answer, names in lower case; what a provider says, of any content. */
export type LimitHeaders = Readonly<Record<string, string>>;

/** What remains of a window, from 0 to 1; undefined where the headers did not say. */
export interface RemainingRatio {
  readonly requests: number | undefined;
  readonly tokens: number | undefined;
}

/** Limits of one answer. There are two or three; each is an event, so there must be an end to them. */
const MAX_LIMITS = 8;
/** A limit is known by this header of its; so does Codex find them (its rate_limits.rs). */
const OF_A_LIMIT = /^x-([a-z0-9]+(?:-[a-z0-9]+){0,7})-primary-used-percent$/;
/** The account's own, to which its credits belong too. */
const MAIN_LIMIT = 'codex';

/** The limits of an answer as events, one for each: the account's own first; none where the headers tell of none. */
export function toRateLimitsEvents(headers: LimitHeaders): readonly Buffer[] {
  const others = Object.keys(headers)
    .map((header) => OF_A_LIMIT.exec(header)?.[1])
    .filter((name) => name !== undefined && name !== MAIN_LIMIT)
    .sort((a = '', b = '') => (a < b ? -1 : 1));
  return [MAIN_LIMIT, ...others.slice(0, MAX_LIMITS - 1)]
    .map((name) => toEvent(headers, String(name)))
    .filter((event) => event !== undefined);
}

function toEvent(headers: LimitHeaders, name: string): Buffer | undefined {
  const primary = windowOf(headers, `x-${name}-primary`);
  const secondary = windowOf(headers, `x-${name}-secondary`);
  const credits = name === MAIN_LIMIT ? creditsOf(headers) : null;
  if (primary === null && secondary === null && credits === null) return undefined;
  return Buffer.from(
    JSON.stringify({
      type: 'codex.rate_limits',
      rate_limits: { primary, secondary },
      credits,
      metered_limit_name: name.replaceAll('-', '_'),
    }),
  );
}

interface LimitWindow {
  readonly used_percent: number;
  readonly window_minutes: number | null;
  /** Seconds since 1970. */
  readonly reset_at: number | null;
}

/** Null as well for a window that says nothing: no percent used of no time. */
function windowOf(headers: LimitHeaders, prefix: string): LimitWindow | null {
  const usedPercent = numberOf(headers[`${prefix}-used-percent`]);
  if (usedPercent === undefined) return null;
  const minutes = integerOf(headers[`${prefix}-window-minutes`]) ?? null;
  const resetAt = integerOf(headers[`${prefix}-reset-at`]) ?? null;
  if (usedPercent === 0 && (minutes ?? 0) === 0 && resetAt === null) return null;
  return { used_percent: usedPercent, window_minutes: minutes, reset_at: resetAt };
}

interface Credits {
  readonly has_credits: boolean;
  readonly unlimited: boolean;
  readonly balance: string | null;
}

/** All or nothing: Codex reads no half. */
function creditsOf(headers: LimitHeaders): Credits | null {
  const hasCredits = flagOf(headers['x-codex-credits-has-credits']);
  const unlimited = flagOf(headers['x-codex-credits-unlimited']);
  if (hasCredits === undefined || unlimited === undefined) return null;
  return { has_credits: hasCredits, unlimited, balance: textOf(headers['x-codex-credits-balance']) ?? null };
}

/** How much of the requests and tokens of its window a provider still has for whoever asked. */
export function toRemaining(headers: LimitHeaders): RemainingRatio | undefined {
  const requests = ratioOf(headers, 'requests');
  const tokens = ratioOf(headers, 'tokens');
  return requests === undefined && tokens === undefined ? undefined : { requests, tokens };
}

function ratioOf(headers: LimitHeaders, what: 'requests' | 'tokens'): number | undefined {
  const remaining = numberOf(headers[`x-ratelimit-remaining-${what}`]);
  const limit = numberOf(headers[`x-ratelimit-limit-${what}`]);
  if (remaining === undefined || limit === undefined || limit === 0) return undefined;
  return Math.min(remaining / limit, 1);
}

/** Plain decimal, as these headers are: no sign, no exponent, no `Infinity`. */
const NUMBER = /^\d{1,15}(?:\.\d{1,15})?$/;

function numberOf(value: string | undefined): number | undefined {
  const text = value?.trim() ?? '';
  return NUMBER.test(text) ? Number(text) : undefined;
}

/** Codex reads minutes and seconds as integers, and drops the whole event for anything else. */
function integerOf(value: string | undefined): number | undefined {
  const number = numberOf(value);
  return Number.isInteger(number) ? number : undefined;
}

function flagOf(value: string | undefined): boolean | undefined {
  const text = value?.trim().toLowerCase();
  if (text === 'true' || text === '1') return true;
  return text === 'false' || text === '0' ? false : undefined;
}

/** Longest balance that is handed on. */
const MAX_TEXT_CHARS = 256;

function textOf(value: string | undefined): string | undefined {
  const text = value?.trim() ?? '';
  return text === '' || text.length > MAX_TEXT_CHARS ? undefined : text;
}
