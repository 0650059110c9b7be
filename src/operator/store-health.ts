/**
 * Whether the copy of a namespace's objects can be relied on.
 *
 *   awaited ──patience is over──▶ unreadable
 *      └────────── read ──▶ known ◀──┘
 *                           │  ▲ ▲
 *          refused, for now ▼  │ │ read
 *                        doubtful ──still, a minute later──▶ stale ──read──▶ known
 */
import type { KubeError } from '../kube/kube-error.ts';
import { AWAITED, KNOWN, type Readability, type Trouble, troubleWith, type Unread } from './readability.ts';

/** A copy that the API server refuses to renew for longer is called out of date: watches come and go faster. */
const STALE_AFTER_MS = 60_000;

export interface StoreHealthOptions {
  readonly unread: Unread;
  /** A first list that takes longer holds nobody up any more. */
  readonly patienceMs: number;
  readonly staleAfterMs?: number;
  /** What is said of it is another: why it cannot be relied on, or undefined: it can. */
  readonly onChange: (sentence: string | undefined) => void;
}

type State =
  | { readonly kind: 'awaited'; readonly trouble: Trouble | undefined }
  | { readonly kind: 'unreadable'; readonly trouble: Trouble }
  | { readonly kind: 'known' }
  | { readonly kind: 'doubtful'; readonly trouble: Trouble }
  | { readonly kind: 'stale'; readonly trouble: Trouble }
  | { readonly kind: 'closed' };

export class StoreHealth {
  readonly #options: StoreHealthOptions;
  #state: State = { kind: 'awaited', trouble: undefined };
  #timer: NodeJS.Timeout | undefined;

  constructor(options: StoreHealthOptions) {
    this.#options = options;
    this.#timer = setTimeout(() => this.#patienceIsOver(), options.patienceMs);
  }

  get readability(): Readability {
    const state = this.#state;
    switch (state.kind) {
      case 'awaited':
        return AWAITED;
      case 'unreadable':
        return { kind: 'unreadable', sentence: state.trouble.sentence };
      case 'known':
      case 'doubtful':
      case 'closed':
        return KNOWN;
      case 'stale':
        // an API server that is too busy is not to be asked to store a word about each route
        if (state.trouble.kind === 'Passing') return KNOWN;
        return { kind: 'stale', sentence: state.trouble.sentence };
    }
  }

  /** Whether its first list is still to come, and will come by itself. */
  get isAwaited(): boolean {
    const state = this.#state;
    return state.kind === 'awaited' || (state.kind === 'unreadable' && state.trouble.kind === 'Passing');
  }

  /** A list was read, or a watch opened. */
  succeeded(): void {
    if (this.#state.kind === 'known' || this.#state.kind === 'closed') return;
    const isSilent = this.#state.kind === 'doubtful';
    clearTimeout(this.#timer);
    this.#state = { kind: 'known' };
    if (!isSilent) this.#options.onChange(undefined);
  }

  /** A list or a watch failed. */
  failed(error: KubeError): void {
    const state = this.#state;
    if (state.kind === 'closed') return;
    const trouble = troubleWith('trouble' in state ? state.trouble : undefined, this.#options.unread, error);
    if (state.kind === 'known') {
      // no answer at all is no word about this namespace: the API server is away, and everything with it
      if (error.status === undefined || error.isExpired) return;
      this.#state = { kind: 'doubtful', trouble };
      this.#timer = setTimeout(() => this.#becomeStale(), this.#options.staleAfterMs ?? STALE_AFTER_MS);
      return;
    }
    const isNews = (state.kind === 'unreadable' || state.kind === 'stale') && trouble !== state.trouble;
    this.#state = { ...state, trouble };
    if (isNews) this.#options.onChange(trouble.sentence);
  }

  /** Nothing is told any more. May be called twice. */
  close(): void {
    this.#state = { kind: 'closed' };
    clearTimeout(this.#timer);
  }

  #patienceIsOver(): void {
    if (this.#state.kind !== 'awaited') return;
    const trouble = this.#state.trouble ?? troubleWith(undefined, this.#options.unread, undefined);
    this.#state = { kind: 'unreadable', trouble };
    this.#options.onChange(trouble.sentence);
  }

  #becomeStale(): void {
    if (this.#state.kind !== 'doubtful') return;
    const { trouble } = this.#state;
    this.#state = { kind: 'stale', trouble };
    this.#options.onChange(trouble.sentence);
  }
}
