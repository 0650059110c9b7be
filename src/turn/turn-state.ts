import type { Run } from './run.ts';
import type { ChainLink } from './transcript.ts';

/** Where a turn is; the way from one to the next is drawn in turn.ts. */
export type TurnState =
  | { readonly kind: 'queued'; readonly pinned: ChainLink | undefined }
  | { readonly kind: 'opening'; readonly run: Run }
  | { readonly kind: 'streaming'; readonly run: Run } // committed
  | { readonly kind: 'ended' };
