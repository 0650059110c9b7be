/** The certificate of the listener: the first one, what its files say later, and what becomes of mistakes in them. */
import { TlsFolder } from './config/tls-folder.ts';
import type { TlsPair, TlsPairSight } from './config/tls-pair.ts';
import type { Log } from './telemetry/log/log.ts';
import type { TlsNumbers } from './telemetry/metrics/tls-metrics.ts';

/** Issuers that renew by themselves do so a month ahead: with so little left, nobody does. */
const SOON_MS = 14 * 24 * 3600 * 1000;
const HOUR_MS = 3600 * 1000;

/** A certificate or key that cannot be served, at the start. The message says which file, and what to do. */
export class BrokenTls extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'BrokenTls';
  }
}

export interface TlsFeedOptions {
  /** Holds `tls.crt` and `tls.key`. */
  readonly folder: string;
  readonly log: Log;
  /** To be served from now on. */
  readonly onPair: (pair: TlsPair) => void;
  /** A changed pair was taken, or refused while the last good one stays. */
  readonly onReload: (result: 'success' | 'failure') => void;
  /** Milliseconds since 1970. */
  readonly wallNow: () => number;
}

/** How the validity of a certificate looks at a moment. */
type Validity = 'valid' | 'soon' | 'expired' | 'early';

export class TlsFeed {
  readonly #options: TlsFeedOptions;
  readonly #folder: TlsFolder;
  #pair: TlsPair | undefined;
  #isLastReloadGood = true;
  #told: Validity = 'valid';
  #timer: NodeJS.Timeout | undefined;

  constructor(options: TlsFeedOptions) {
    this.#options = options;
    this.#folder = new TlsFolder({ path: options.folder, onSight: (sight) => this.#onSight(sight) });
  }

  /** For metrics. */
  get numbers(): TlsNumbers | undefined {
    if (this.#pair === undefined) return undefined;
    return { expiresAtMs: this.#pair.expiresAtMs, isLastReloadGood: this.#isLastReloadGood };
  }

  /** Takes what is there, and follows it. @throws BrokenTls */
  async open(): Promise<void> {
    const first = await this.#folder.open();
    if (first.kind === 'broken') throw new BrokenTls(first.reason);
    this.#serve(first.pair);
    this.#judge();
    this.#timer = setInterval(() => this.#judge(), HOUR_MS).unref();
  }

  /** May be called twice. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#folder.close();
  }

  #onSight(sight: TlsPairSight): void {
    const { log, onReload } = this.#options;
    this.#isLastReloadGood = sight.kind === 'pair';
    if (sight.kind === 'broken') {
      onReload('failure');
      log.error('tls.certificate', 'certificate refused: the last good one stays', { reason: sight.reason });
      return;
    }
    onReload('success');
    this.#serve(sight.pair);
    log.info('tls.certificate', 'certificate changed', this.#fields(sight.pair));
    this.#told = 'valid'; // the new one is judged anew
    this.#judge();
  }

  #serve(pair: TlsPair): void {
    this.#pair = pair;
    this.#options.onPair(pair);
  }

  /** Says once of each certificate that it ends soon, and once that it has ended. */
  #judge(): void {
    if (this.#pair === undefined) return;
    const validity = validityAt(this.#pair, this.#options.wallNow());
    if (validity === this.#told) return;
    this.#told = validity;
    const { log } = this.#options;
    const fields = this.#fields(this.#pair);
    if (validity === 'soon') log.warn('tls.certificate', 'certificate ends soon: renew it', fields);
    if (validity === 'expired')
      log.error('tls.certificate', 'certificate has ended: clients refuse it', fields);
    if (validity === 'early')
      log.warn('tls.certificate', 'certificate is not valid yet: clients refuse it', fields);
  }

  #fields({ startsAtMs, expiresAtMs }: TlsPair) {
    const at = (ms: number): string => new Date(ms).toISOString();
    return { folder: this.#options.folder, valid_from: at(startsAtMs), valid_until: at(expiresAtMs) };
  }
}

function validityAt({ startsAtMs, expiresAtMs }: TlsPair, now: number): Validity {
  if (now < startsAtMs) return 'early';
  if (now >= expiresAtMs) return 'expired';
  return expiresAtMs - now < SOON_MS ? 'soon' : 'valid';
}
