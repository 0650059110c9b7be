import type { PieceList } from '../events/piece-list.ts';
import type { EventReader } from './event-reader.ts';
import type { HttpVersion } from './provider.ts';

/** Where an attempt over HTTP is; the way from one to the next is drawn in http-attempt.ts. */
export type AttemptState =
  | { readonly kind: 'opening' }
  | { readonly kind: 'sent' }
  | { readonly kind: 'answering'; readonly reader: EventReader }
  | RefusedState
  | { readonly kind: 'releasing'; bytes: number }
  | { readonly kind: 'ended' };

/** The status says no; the body, as far as it has come, says why. */
export interface RefusedState {
  readonly kind: 'refused';
  readonly status: number;
  readonly httpVersion: HttpVersion | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: PieceList;
}

export const OPENING: AttemptState = { kind: 'opening' };
export const SENT: AttemptState = { kind: 'sent' };
export const ENDED: AttemptState = { kind: 'ended' };

/** Nobody has ended it, and no refusal has come: its answer is still wanted. */
export function isUnderWay(kind: AttemptState['kind']): kind is 'opening' | 'sent' | 'answering' {
  return kind === 'opening' || kind === 'sent' || kind === 'answering';
}
