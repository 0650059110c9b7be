/** `spec.failover` and the list of providers: who is asked after whom, and who never is. */
import type { RouteSections, Sound } from './check-resource.ts';
import { duplicateValues } from './duplicates.ts';
import { warningAt } from './problem.ts';
import type { Path, Problem } from './problem.ts';
import { coverAll, overlap } from './provider-model-rules.ts';
import type { ProviderResource } from './provider-resource.ts';

type Provider = Sound<ProviderResource>;

/** A provider whose every field is sound, and its place in the list. */
interface Placed {
  readonly provider: ProviderResource;
  readonly index: number;
}

const FAILOVER: Path = ['spec', 'failover'];
const PROVIDERS: Path = ['spec', 'providers'];

/** `spec.failover`, and what it means for the providers of the route. */
export function failoverRules(sections: RouteSections): readonly Problem[] {
  const { failover, providers = [] } = sections;
  const placed = inOrder(providers);
  const twins = placed.filter((entry) => twinOf(entry, placed) !== undefined);
  const others = placed.filter((entry) => !twins.includes(entry));
  return [
    ...duplicateValues(failover.causes, [...FAILOVER, 'causes']),
    ...twins.map((entry) => twinWarning(entry, placed)),
    ...weightRules(providers),
    ...neverRules(others, failover),
    ...storedRules(others, sections.continuation.mode),
  ];
}

/** In order of preference: priority, then as written. */
function inOrder(providers: readonly Provider[]): readonly Placed[] {
  return providers
    .map((provider, index) => ({ provider, index }))
    .filter((entry): entry is Placed => isWhole(entry.provider))
    .sort((a, b) => a.provider.priority - b.provider.priority || a.index - b.index);
}

/** No field of a provider is optional once the defaults are in: what is undefined is broken. */
function isWhole(provider: Provider): provider is ProviderResource {
  return Object.values(provider).every((field) => field !== undefined);
}

function twinOf({ provider, index }: Placed, placed: readonly Placed[]): ProviderResource | undefined {
  const place = placed.findIndex((entry) => entry.index === index);
  return placed.slice(0, place).find((other) => isTwin(other.provider, provider))?.provider;
}

function isTwin(a: ProviderResource, b: ProviderResource): boolean {
  const differing = ({
    url,
    transport,
    dialect,
    auth,
    models,
    modelMapping,
    headers,
    query,
    tls,
  }: ProviderResource): string =>
    JSON.stringify([
      url.replace(/\/+$/, ''),
      transport,
      dialect,
      auth,
      models,
      modelMapping,
      headers,
      query,
      tls,
    ]);
  return differing(a) === differing(b);
}

function twinWarning(entry: Placed, placed: readonly Placed[]): Problem {
  return warningAt(
    [...PROVIDERS, entry.index],
    `providers ${twinOf(entry, placed)?.name ?? ''} and ${entry.provider.name} have the same url and auth; remove one, or write what should differ`,
  );
}

/** Warns where weight 0, "only when there is no other", is all there is. */
function weightRules(providers: readonly Provider[]): readonly Problem[] {
  const tiers = Map.groupBy(providers.entries(), ([, { priority }]) => priority);
  return [...tiers].flatMap(([priority, entries]) => {
    const [first] = entries;
    if (priority === undefined || first === undefined) return [];
    if (!entries.every(([, { weight }]) => weight === 0)) return [];
    return [
      warningAt(
        [...PROVIDERS, first[0], 'weight'],
        `weight 0 means only when there is no other, and no provider of priority ${priority} has more; write 1 for those that share the turns`,
      ),
    ];
  });
}

/** Warns where there is no failover and providers are there for it. */
function neverRules(
  placed: readonly Placed[],
  { causes, maxAttempts }: RouteSections['failover'],
): readonly Problem[] {
  const field = causes?.length === 0 ? 'causes' : maxAttempts === 1 ? 'maxAttempts' : undefined;
  if (field === undefined) return [];
  const reason = field === 'causes' ? 'failover.causes is empty' : 'failover.maxAttempts is 1';
  const behind = placed.flatMap(({ provider, index }) => {
    const first = placed.find(
      ({ provider: other }) => other.priority < provider.priority && isAlternative(other, provider),
    )?.provider;
    if (first === undefined) return [];
    const isHidden = coverAll(first.models, provider.models);
    return [
      warningAt(
        [...PROVIDERS, index],
        `${isHidden ? '' : 'for models that both have, '}provider ${provider.name} gets no turn unless ${first.name} rests: that one comes first, and ${reason}; remove failover.${field}, or give each its models`,
      ),
    ];
  });
  const pair = equals(placed);
  if (pair === undefined) return behind;
  const [a, b] = pair;
  return [
    ...behind,
    warningAt(
      [...FAILOVER, field],
      `${reason}, so that a turn which fails at provider ${a.name} never goes on to ${b.name}, which has the same models; remove failover.${field} if it should`,
    ),
  ];
}

/** Warns where ids that only one provider knows are asked of several. */
function storedRules(
  placed: readonly Placed[],
  mode: RouteSections['continuation']['mode'],
): readonly Problem[] {
  const pair = mode === 'Provider' ? equals(placed) : undefined;
  if (pair === undefined) return [];
  const [a, b] = pair;
  return [
    warningAt(
      ['spec', 'continuation', 'mode'],
      `with mode Provider a response is known to the provider that gave it, and ${a.name} and ${b.name} share the turns of the same models; give each its models or its priority, or write mode: Transcript`,
    ),
  ];
}

/** Whether some turn may go to the one or to the other. ChatGPT logins go to their backend, and nothing else does. */
function isAlternative(a: ProviderResource, b: ProviderResource): boolean {
  return (a.dialect === 'ChatGPT') === (b.dialect === 'ChatGPT') && overlap(a.models, b.models);
}

/** Two providers that share the turns of some model. */
function equals(placed: readonly Placed[]): readonly [ProviderResource, ProviderResource] | undefined {
  for (const { provider, index } of placed) {
    const other = placed.find(
      (entry) =>
        entry.index > index &&
        entry.provider.priority === provider.priority &&
        isAlternative(entry.provider, provider),
    );
    if (other !== undefined) return [provider, other.provider];
  }
  return undefined;
}
