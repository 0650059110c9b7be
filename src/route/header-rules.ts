/** Which headers may be named where. */
import type { RouteSections, Sound } from './check-resource.ts';
import { duplicateKeys, duplicateValues } from './duplicates.ts';
import {
  isCredentialHeader,
  isHiddenFromClients,
  isKeyHeader,
  isNeverPassed,
  isPassedToProviders,
  isRelayedToClients,
  isReservedHeader,
  isWrittenByBridge,
  looksLikeCredential,
} from './header-names.ts';
import type { HeaderTest } from './header-names.ts';
import { errorAt, warningAt } from './problem.ts';
import type { Path, Problem } from './problem.ts';
import type { ProviderResource } from './provider-resource.ts';

type Rules = RouteSections['headerPassthrough']['request'];

/** `spec.headerPassthrough`. */
export function headerPassthroughRules({ headerPassthrough }: RouteSections): readonly Problem[] {
  const path: Path = ['spec', 'headerPassthrough'];
  const { request, response } = headerPassthrough;
  return [
    ...directionRules(request, [...path, 'request'], isPassedToProviders),
    ...(request?.allow ?? []).flatMap((name, index) =>
      isCredentialHeader(name)
        ? [
            errorAt(
              [...path, 'request', 'allow', index],
              `${name} says whose key is spent: it goes to providers with auth Passthrough by itself and to no other; remove it`,
            ),
          ]
        : [],
    ),
    ...directionRules(response, [...path, 'response'], isRelayedToClients),
    ...(response?.allow ?? []).flatMap((name, index) =>
      isHiddenFromClients(name)
        ? [errorAt([...path, 'response', 'allow', index], `${name} never goes to clients; remove it`)]
        : [],
    ),
  ];
}

function directionRules(rules: Rules, path: Path, passed: HeaderTest): readonly Problem[] {
  const { allow = [], deny = [] } = rules ?? {};
  const problems: Problem[] = [
    ...duplicateValues(allow, [...path, 'allow']),
    ...duplicateValues(deny, [...path, 'deny']),
  ];
  allow.forEach((name, index) => {
    const at = [...path, 'allow', index];
    if (isNeverPassed(name)) {
      problems.push(errorAt(at, `${name} belongs to one connection and is never passed; remove it`));
    } else if (deny.includes(name)) {
      problems.push(warningAt(at, `${name} is denied as well, and deny wins; remove one of the two`));
    }
  });
  deny.forEach((name, index) => {
    if (!passed(name) && !allow.includes(name)) {
      problems.push(
        warningAt(
          [...path, 'deny', index],
          `${name} is not among the headers that pass, so that denying it changes nothing; remove it`,
        ),
      );
    }
  });
  return problems;
}

/** `spec.providers[].headers`. */
export function providerHeaderRules(provider: Sound<ProviderResource>, path: Path): readonly Problem[] {
  const { set = [], add = [], remove = [] } = provider.headers ?? {};
  const headers = [...path, 'headers'];
  const carriesKey =
    provider.auth?.type === 'APIKey' ? (provider.auth.header?.name ?? 'authorization') : undefined;
  return [
    ...duplicateKeys(set, 'name', [...headers, 'set']),
    ...duplicateKeys(add, 'name', [...headers, 'add']),
    ...duplicateValues(remove, [...headers, 'remove']),
    ...set.flatMap(({ name }, index) => changeRules(name, [...headers, 'set', index, 'name'], carriesKey)),
    ...add.flatMap(({ name }, index) => changeRules(name, [...headers, 'add', index, 'name'], carriesKey)),
    ...remove.flatMap((name, index) => removalRules(name, [...headers, 'remove', index], carriesKey)),
  ];
}

function changeRules(name: string, path: Path, carriesKey: string | undefined): readonly Problem[] {
  if (isReservedHeader(name)) {
    return [errorAt(path, `${name} belongs to one connection and cannot be set; remove it`)];
  }
  if (name === carriesKey || isKeyHeader(name)) {
    return [
      errorAt(
        path,
        `${name} carries a key, and keys are not written into routes: put it into a Secret and write auth: {type: APIKey, secretRef: {name: NAME}, header: {name: ${name}}}`,
      ),
    ];
  }
  if (name === 'host') {
    return [
      errorAt(
        path,
        'host comes from url; write the host there, and tls.serverName for another certificate name',
      ),
    ];
  }
  if (isWrittenByBridge(name))
    return [errorAt(path, `${name} is written by the bridge for each request; remove it`)];
  if (looksLikeCredential(name)) {
    return [
      warningAt(
        path,
        `${name} looks like a credential, which everyone who may read this route can read; put it into a Secret and write auth: {type: APIKey, secretRef: {name: NAME}, header: {name: ${name}}}`,
      ),
    ];
  }
  return [];
}

function removalRules(name: string, path: Path, carriesKey: string | undefined): readonly Problem[] {
  if (name === carriesKey) {
    return [
      errorAt(path, `${name} carries the key of this provider; write auth: {type: None} if it needs none`),
    ];
  }
  if (isReservedHeader(name)) return [errorAt(path, `${name} is never passed to a provider; remove it`)];
  if (isWrittenByBridge(name))
    return [errorAt(path, `${name} is written by the bridge for each request; remove it`)];
  return [];
}
