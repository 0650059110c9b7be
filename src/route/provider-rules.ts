import type { RouteSections, Sound } from './check-resource.ts';
import { duplicateKeys, duplicateValues } from './duplicates.ts';
import { looksLikeCredential } from './header-names.ts';
import { providerHeaderRules } from './header-rules.ts';
import { hostKind } from './host-kind.ts';
import { modelPatternRules } from './match-rules.ts';
import { providerModelRules } from './provider-model-rules.ts';
import { errorAt, warningAt } from './problem.ts';
import type { Path, Problem } from './problem.ts';
import { providerAuthRules } from './provider-auth-rules.ts';
import type { ProviderResource } from './provider-resource.ts';
import { providerTransportRules } from './provider-transport-rules.ts';
import { parseProviderUrl } from './provider-url.ts';

/** What the source of a route permits. */
export interface RuleOptions {
  /**
   * Providers on this machine or its link may be named: files and sidecars, never a route of a cluster. `Sidecars`: by
   * the name of the route's bridge, as the API server judges, to whom all routes of a cluster come.
   */
  readonly loopbackAllowed: boolean | 'Sidecars';
}

/** Whether a route of this bridge may name providers on its own machine. */
export function permitsLoopback({ loopbackAllowed }: RuleOptions, bridgeName: string | undefined): boolean {
  if (loopbackAllowed === 'Sidecars')
    return bridgeName === 'sidecar' || bridgeName?.startsWith('sidecar-') === true;
  return loopbackAllowed;
}

type Provider = Sound<ProviderResource>;

const PROVIDERS: Path = ['spec', 'providers'];

/** One entry of `spec.providers`, alone and together with the clients and the match of its route. */
export function providerRules(
  provider: Provider,
  index: number,
  sections: RouteSections,
  options: RuleOptions,
): readonly Problem[] {
  const path = [...PROVIDERS, index];
  return [
    ...urlRules(provider, path, permitsLoopback(options, sections.bridgeName)),
    ...providerTransportRules(provider, path),
    ...healthRules(provider, path),
    ...providerAuthRules(provider, path, sections.clients.auth),
    ...modelPatternRules(provider.models ?? [], [...path, 'models']),
    ...duplicateValues(provider.models, [...path, 'models']),
    ...providerModelRules(provider, path, sections.match.models),
    ...providerHeaderRules(provider, path),
    ...queryRules(provider, path),
    ...tlsRules(provider, path),
  ];
}

/** `spec.providers` as a list. Who is asked after whom is in failover-rules.ts. */
export function providerListRules({ providers }: RouteSections): readonly Problem[] {
  return duplicateKeys(providers, 'name', PROVIDERS);
}

function urlRules(provider: Provider, path: Path, loopbackAllowed: boolean): readonly Problem[] {
  const at = [...path, 'url'];
  if (provider.url === undefined) return [];
  const result = parseProviderUrl(provider.url);
  if (!result.ok) return [errorAt(at, result.message)];
  const { url } = result;
  const problems: Problem[] = [];
  const kind = hostKind(url.host);
  if (kind === 'local' && !loopbackAllowed) {
    problems.push(
      errorAt(
        at,
        `url leads to ${url.host}, the machine of the bridge itself, its link or its cloud's metadata; write the address of a provider in the cluster or outside`,
      ),
    );
  }
  if (!url.secure && kind === 'public') {
    problems.push(
      warningAt(
        at,
        `url is ${url.scheme} to a public host: keys and prompts can be read on the way; write ${url.scheme}s://`,
      ),
    );
  }
  if (!url.secure && kind === 'private') {
    problems.push(
      warningAt(
        at,
        `url is ${url.scheme}: keys and prompts travel unencrypted; write ${url.scheme}s:// where the provider has it`,
      ),
    );
  }
  const ending = /\/(responses|chat\/completions|models)$/.exec(url.basePath)?.[0];
  if (ending !== undefined) {
    problems.push(
      warningAt(
        at,
        `url is the base path, /responses is added to it; write ${url.scheme}://${url.authority}${url.basePath.slice(0, -ending.length)}`,
      ),
    );
  }
  return problems;
}

function healthRules({ health }: Provider, path: Path): readonly Problem[] {
  if (health === undefined || health.ejectionSeconds <= health.maxEjectionSeconds) return [];
  return [
    errorAt(
      [...path, 'health', 'ejectionSeconds'],
      'the first rest, ejectionSeconds, is longer than the longest, maxEjectionSeconds (300 when left out); write a maxEjectionSeconds that is as long, or a shorter first rest',
    ),
  ];
}

function queryRules(provider: Provider, path: Path): readonly Problem[] {
  return [
    ...duplicateKeys(provider.query, 'name', [...path, 'query']),
    ...(provider.query ?? []).flatMap(({ name }, index) =>
      looksLikeCredential(name)
        ? [
            warningAt(
              [...path, 'query', index, 'name'],
              `${name} looks like a credential, which everyone who may read this route can read; use auth: {type: APIKey, secretRef: {name: NAME}} where the provider takes a header`,
            ),
          ]
        : [],
    ),
  ];
}

function tlsRules({ url, tls }: Provider, path: Path): readonly Problem[] {
  if (tls === undefined) return [];
  const problems: Problem[] = [];
  const isWritten =
    tls.caCertificateRefs.length > 0 ||
    tls.serverName !== undefined ||
    tls.wellKnownCACertificates !== undefined;
  if (tls.caCertificateRefs.length > 0 && tls.wellKnownCACertificates !== undefined) {
    problems.push(
      errorAt(
        [...path, 'tls', 'wellKnownCACertificates'],
        'one kind of trust counts: write caCertificateRefs or wellKnownCACertificates, not both',
      ),
    );
  }
  const result = url === undefined ? undefined : parseProviderUrl(url);
  if (isWritten && result?.ok === true && !result.url.secure) {
    problems.push(
      warningAt(
        [...path, 'tls'],
        `tls does not count for ${result.url.scheme}; write ${result.url.scheme}s:// in url, or remove tls`,
      ),
    );
  }
  return problems;
}
