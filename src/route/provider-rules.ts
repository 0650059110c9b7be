import type { RouteSections, Sound } from './check-resource.ts';
import { duplicateKeys, duplicateValues } from './duplicates.ts';
import { providerHeaderRules } from './header-rules.ts';
import { hostKind } from './host-kind.ts';
import { modelPatternRules } from './match-rules.ts';
import { providerModelRules, shadowRules } from './provider-model-rules.ts';
import { errorAt, warningAt } from './problem.ts';
import type { Path, Problem } from './problem.ts';
import { providerAuthRules } from './provider-auth-rules.ts';
import type { ProviderResource } from './provider-resource.ts';
import { parseProviderUrl } from './provider-url.ts';

/** What the source of a route permits. */
export interface RuleOptions {
  /** Providers on this machine or its link may be named: files and sidecars, never a route of a cluster. */
  readonly loopbackAllowed: boolean;
}

type Provider = Sound<ProviderResource>;

const PROVIDERS: Path = ['spec', 'providers'];
const DEFAULT_WEIGHT = 1;
const DEFAULT_HEALTH = { consecutiveFailures: 3, ejectionSeconds: 10, maxEjectionSeconds: 300 } as const;

/** One entry of `spec.providers`, alone and together with the clients and the match of its route. */
export function providerRules(
  provider: Provider,
  index: number,
  sections: RouteSections,
  options: RuleOptions,
): readonly Problem[] {
  const path = [...PROVIDERS, index];
  return [
    ...urlRules(provider, path, options),
    ...laterReleaseRules(provider, path),
    ...providerAuthRules(provider, path, sections.clients.auth),
    ...modelPatternRules(provider.models ?? [], [...path, 'models']),
    ...duplicateValues(provider.models, [...path, 'models']),
    ...providerModelRules(provider, path, sections.match.models),
    ...providerHeaderRules(provider, path),
    ...queryRules(provider, path),
    ...tlsRules(provider, path),
  ];
}

/** `spec.providers` as a list. */
export function providerListRules({ providers }: RouteSections): readonly Problem[] {
  if (providers === undefined) return [];
  return [...duplicateKeys(providers, 'name', PROVIDERS), ...shadowRules(providers, PROVIDERS)];
}

function urlRules(provider: Provider, path: Path, { loopbackAllowed }: RuleOptions): readonly Problem[] {
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
      warningAt(at, `url is http to a public host: keys and prompts can be read on the way; write https://`),
    );
  }
  if (!url.secure && kind === 'private') {
    problems.push(
      warningAt(
        at,
        'url is http: keys and prompts travel unencrypted; write https:// where the provider has it',
      ),
    );
  }
  const ending = /\/(responses|chat\/completions|models)$/.exec(url.basePath)?.[0];
  if (ending !== undefined) {
    problems.push(
      warningAt(
        at,
        `url is the base path, /responses is added to it; write ${url.origin}${url.basePath.slice(0, -ending.length)}`,
      ),
    );
  }
  return problems;
}

/** Values that ask for what does not exist yet are refused: nothing is worse than a setting without effect. */
function laterReleaseRules(provider: Provider, path: Path): readonly Problem[] {
  const problems: Problem[] = [];
  if (provider.transport === 'WebSocket') {
    problems.push(
      errorAt([...path, 'transport'], 'transport WebSocket comes with a later release; write Auto or HTTP'),
    );
  }
  if (provider.dialect === 'ChatGPT') {
    problems.push(
      errorAt([...path, 'dialect'], 'dialect ChatGPT comes with a later release; write OpenAI or Compatible'),
    );
  }
  if ((provider.weight ?? DEFAULT_WEIGHT) !== DEFAULT_WEIGHT) {
    problems.push(
      errorAt([...path, 'weight'], 'weight comes with a later release; remove it and use priority'),
    );
  }
  for (const field of ['consecutiveFailures', 'ejectionSeconds', 'maxEjectionSeconds'] as const) {
    if ((provider.health?.[field] ?? DEFAULT_HEALTH[field]) === DEFAULT_HEALTH[field]) continue;
    problems.push(
      errorAt([...path, 'health', field], `health comes with a later release; remove health.${field}`),
    );
  }
  if (provider.limits?.maxConnectionAgeSeconds !== undefined) {
    problems.push(
      errorAt(
        [...path, 'limits', 'maxConnectionAgeSeconds'],
        'limits.maxConnectionAgeSeconds of a provider comes with a later release; remove it',
      ),
    );
  }
  return problems;
}

function queryRules(provider: Provider, path: Path): readonly Problem[] {
  return [
    ...duplicateKeys(provider.query, 'name', [...path, 'query']),
    ...(provider.query ?? []).flatMap(({ name }, index) =>
      /^(api[-_]?key|key|token|access_token|sig|signature)$/i.test(name)
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
      warningAt([...path, 'tls'], 'tls does not count for http; write https:// in url, or remove tls'),
    );
  }
  return problems;
}
