/** What the listener itself answers, in place of a turn. */
import { refusal, type ErrorAnswer } from '../frames/errors.ts';
import type { Admitted } from './admission.ts';
import type { PlaceRefused } from './admission-counts.ts';

export const MISTAKE = refusal('internal_error', 'The bridge made a mistake, which it logged. Try again.');
/** Headers of an answer to another method, on the turns' path. */
export const ALLOWED_METHODS = { allow: 'GET, POST' };
export const WRONG_METHOD = refusal(
  'method_not_allowed',
  'A turn is a POST with a JSON body, or a WebSocket on this path.',
);
export const UPGRADE_REQUIRED = refusal(
  'websocket_upgrade_required',
  'This is where turns are run: open a WebSocket here, or POST a request. If you did open a WebSocket, something on the way removed its Upgrade header.',
);

/** There is no place for one more; `which` says of what. */
export function limitReached(which: PlaceRefused, { group }: Admitted): ErrorAnswer {
  const { maxConnections, maxConnectionsPerClient } = group.limits;
  const texts: Readonly<Record<PlaceRefused, string>> = {
    process: 'This bridge has as many connections as it may (--max-connections); try again.',
    group: `This route has ${maxConnections} connections (limits.maxConnections); try again.`,
    client: `This key has ${maxConnectionsPerClient} connections (limits.maxConnectionsPerClient); close one, or try again.`,
  };
  return refusal('too_many_connections', texts[which]);
}
