/** Whose key is spent: the rules that keep a bridge from being an open relay, and a client's key from leaving. */
import type { RouteSections, Sound } from './check-resource.ts';
import { isNeverPassed } from './header-names.ts';
import { errorAt, warningAt } from './problem.ts';
import type { Path, Problem } from './problem.ts';
import type { ProviderResource } from './provider-resource.ts';

type Auth = ProviderResource['auth'];
type ClientAuth = RouteSections['clients']['auth'];

/**
 * `spec.providers[].auth`, alone and together with `spec.clients.auth`.
 *
 * @param clientAuth Undefined when it is broken.
 */
export function providerAuthRules(
  { name = 'without a name', auth }: Sound<ProviderResource>,
  path: Path,
  clientAuth: ClientAuth,
): readonly Problem[] {
  if (auth === undefined) return [];
  return [
    ...formRules(name, auth, path),
    ...(clientAuth === undefined ? [] : relationRules(name, auth, path, clientAuth)),
  ];
}

function formRules(name: string, auth: Auth, path: Path): readonly Problem[] {
  const problems: Problem[] = [];
  const { type, secretRef, header } = auth;
  if (type === 'APIKey') {
    if (secretRef === undefined) {
      problems.push(
        errorAt(
          [...path, 'auth', 'secretRef'],
          `auth.type APIKey of provider ${name} needs the Secret with the key; write secretRef: {name: NAME, key: apiKey}`,
        ),
      );
    }
    if (header !== undefined && isNeverPassed(header.name)) {
      problems.push(
        errorAt(
          [...path, 'auth', 'header', 'name'],
          `${header.name} cannot carry a key: it belongs to the connection or to the bridge; write authorization, or the name this provider documents`,
        ),
      );
    }
    if (header !== undefined && header.name !== 'authorization' && header.prefix === 'Bearer ') {
      problems.push(
        warningAt(
          [...path, 'auth', 'header', 'prefix'],
          `the key is sent as "${header.name}: Bearer KEY"; headers other than authorization mostly hold the bare key: write prefix: ""`,
        ),
      );
    }
    return problems;
  }
  for (const [field, value] of [
    ['secretRef', secretRef],
    ['header', header],
  ] as const) {
    if (value === undefined) continue;
    problems.push(
      errorAt(
        [...path, 'auth', field],
        `${field} counts for type APIKey only, and type is ${type}; write type: APIKey, or remove it`,
      ),
    );
  }
  return problems;
}

function relationRules(
  name: string,
  auth: Auth,
  path: Path,
  clientAuth: NonNullable<ClientAuth>,
): readonly Problem[] {
  const type = [...path, 'auth', 'type'];
  if (auth.type === 'APIKey' && clientAuth.type === 'Passthrough') {
    return [
      errorAt(
        type,
        `provider ${name} holds its own key, so clients must be checked: set clients.auth.type to APIKey, or to None if everyone who reaches this bridge may spend that key`,
      ),
    ];
  }
  if (auth.type === 'Passthrough' && clientAuth.type !== 'Passthrough') {
    const why =
      clientAuth.type === 'APIKey'
        ? 'their keys are checked here and never leave'
        : 'they need to bring no key';
    return [
      errorAt(
        type,
        `provider ${name} waits for the keys of clients (auth.type Passthrough), but with clients.auth.type ${clientAuth.type} ${why}: set its auth.type to APIKey with a secretRef, or to None if it needs no key`,
      ),
    ];
  }
  return [];
}
