import type { RouteSections } from './check-resource.ts';
import { duplicateValues } from './duplicates.ts';
import { errorAt } from './problem.ts';
import type { Path, Problem } from './problem.ts';

const CLIENTS: Path = ['spec', 'clients'];

/** `spec.clients`. What ties it to the providers is in provider-auth-rules.ts. */
export function clientRules({ clients }: RouteSections): readonly Problem[] {
  const path = [...CLIENTS, 'auth', 'secretRef'];
  const problems: Problem[] = [];
  const { type, secretRef } = clients.auth ?? {};
  if (type === 'APIKey' && secretRef === undefined) {
    problems.push(
      errorAt(
        path,
        'clients.auth.type APIKey needs the Secret with the keys of clients; write secretRef: {name: NAME}',
      ),
    );
  }
  if (type !== undefined && type !== 'APIKey' && secretRef !== undefined) {
    problems.push(
      errorAt(
        path,
        `secretRef counts for type APIKey only, and type is ${type}; write type: APIKey, or remove it`,
      ),
    );
  }
  return [
    ...problems,
    ...duplicateValues(clients.allowedOrigins, [...CLIENTS, 'allowedOrigins']),
    ...duplicateValues(clients.queryPassthrough?.allow, [...CLIENTS, 'queryPassthrough', 'allow']),
  ];
}
