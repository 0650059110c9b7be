/**
 * What providers last said of a client's rate limits, for its next handshake: the Codex CLI shows its user what stands on
 * the 101, and there is nothing to ask at that moment. Kept per client and group, for a short time, and only so many.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../turn/clock.ts';
import type { Admitted } from './admission.ts';
import { groupKeyOf } from './admission-counts.ts';

/**
 * Clients that are remembered; the least recently told go first. Measured: 1.4 MiB with what Codex's backend says, and
 * 15 MiB at the worst, where a provider makes up names and figures as long as they may be.
 */
const MAX_CLIENTS = 4_096;
/** After this a window says more about then than about now. */
const MAX_AGE_MS = 600_000;
/** Headers of one window: two spans of three figures, the credits, and one more family with its name. */
const MAX_HEADERS = 16;
/** Longest value: figures, `true`, a limit's name. */
const MAX_VALUE_CHARS = 64;

/** `x-codex-primary-used-percent`, the same of `-secondary-` and of other limits than `codex`; credits. */
const WINDOW_NAME =
  /^x-(?:[a-z0-9][a-z0-9-]{0,40}-(?:primary|secondary)-(?:used-percent|window-minutes|reset-at)|codex-credits-(?:has-credits|unlimited|balance)|[a-z0-9][a-z0-9-]{0,40}-limit-name)$/;
/** Characters that a header may have, and that need no thought. */
const VALUE = /^[\x20-\x7e]+$/;

interface Told {
  readonly headers: Readonly<Record<string, string>>;
  readonly at: number;
}

export class RateLimitWindows {
  readonly #clock: Clock;
  /** Least recently told first. */
  readonly #told = new Map<string, Told>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * A provider has answered a turn.
   * @param client {@link windowKeyOf}
   * @param headers Those that the route lets through, names in lower case.
   */
  note(client: string, headers: Readonly<Record<string, string>>): void {
    const window = Object.entries(headers)
      .filter(
        ([name, value]) => WINDOW_NAME.test(name) && value.length <= MAX_VALUE_CHARS && VALUE.test(value),
      )
      .slice(0, MAX_HEADERS);
    if (window.length === 0) return; // a provider that says nothing of limits takes nothing back either
    this.#told.delete(client);
    this.#told.set(client, { headers: Object.fromEntries(window), at: this.#clock.now() });
    for (const oldest of this.#told.keys()) {
      if (this.#told.size <= MAX_CLIENTS) break;
      this.#told.delete(oldest);
    }
  }

  /** What to put on the client's 101; empty when nothing is known. */
  headersFor(client: string): Readonly<Record<string, string>> {
    const told = this.#told.get(client);
    if (told === undefined) return {};
    if (this.#clock.now() - told.at <= MAX_AGE_MS) return told.headers;
    this.#told.delete(client);
    return {};
  }
}

/** The workspace of a ChatGPT login: one token may have several, each with limits of its own. */
const ACCOUNT = 'chatgpt-account-id';

/**
 * Whose rate limits those are: a tenant's name may stand for another client in another group. Undefined where nothing
 * tells clients apart: one would read another's figures, and balance.
 */
export function windowKeyOf({ group, identity, fields }: Admitted): string | undefined {
  if (identity.countKey === undefined) return undefined;
  const accounts = fields.flatMap(({ name, value }) => (name === ACCOUNT ? [value] : []));
  const account = createHash('sha256').update(accounts.join(', ')).digest('base64url'); // of any length, as it came
  return `${groupKeyOf(group)} ${identity.tenant} ${account}`;
}
