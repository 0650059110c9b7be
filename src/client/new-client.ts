import type { TurnClient } from '../turn/turn-client.ts';
import { newId } from '../turn/turn-record.ts';
import type { Admitted } from './admission.ts';
import { allowedQuery, clientKindOf, type RequestHead } from './request-head.ts';

/** The client of a connection, or of one HTTP request, as its turns see it. Gets an id of its own. */
export function newClient(head: RequestHead, admitted: Admitted, entry: TurnClient['entry']): TurnClient {
  return {
    connectionId: newId('c'),
    kind: clientKindOf(head),
    tenant: admitted.identity.tenant,
    path: `${admitted.group.path}/responses`,
    entry,
    headers: admitted.fields,
    query: allowedQuery(head.query, admitted.group.clients.queryAllow),
    via: admitted.via,
  };
}
