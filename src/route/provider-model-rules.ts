/** Models of providers: mappings that cannot match, providers that cannot be reached. */
import { duplicateKeys } from './duplicates.ts';
import { canOverlap, covers, modelPatternMistake, toModelPattern } from './model-pattern.ts';
import type { ModelPattern } from './model-pattern.ts';
import type { Sound } from './check-resource.ts';
import { errorAt, warningAt } from './problem.ts';
import type { Path, Problem } from './problem.ts';
import type { ProviderResource } from './provider-resource.ts';

type Provider = Sound<ProviderResource>;

/**
 * `models` and `modelMapping` of one provider.
 *
 * @param routeModels `spec.match.models` of its route; empty = any; undefined when they are broken.
 */
export function providerModelRules(
  { name = 'without a name', models, modelMapping }: Provider,
  path: Path,
  routeModels: readonly string[] = [],
): readonly Problem[] {
  const problems: Problem[] = [...duplicateKeys(modelMapping, 'from', [...path, 'modelMapping'])];
  if (!overlap(models ?? [], routeModels)) {
    problems.push(
      warningAt(
        [...path, 'models'],
        `provider ${name} has none of the models of this route (match.models), so it is never used; write models that both name`,
      ),
    );
  }
  modelMapping?.forEach(({ from, to }, index) => {
    const at = [...path, 'modelMapping', index];
    const mistake = modelPatternMistake(from);
    if (mistake !== undefined) {
      problems.push(errorAt([...at, 'from'], mistake));
      return;
    }
    problems.push(...targetRules(from, to, [...at, 'to']));
    if (models !== undefined && !overlap([from], models)) {
      problems.push(
        warningAt(
          [...at, 'from'],
          `${from} can never match: the models of provider ${name} are ${models.join(', ')}, as clients name them; write one of those, or add ${from} to models`,
        ),
      );
    } else if (!overlap([from], routeModels)) {
      problems.push(
        warningAt(
          [...at, 'from'],
          `${from} can never match: this route is for ${routeModels.join(', ')} only (match.models); write one of those`,
        ),
      );
    }
  });
  return problems;
}

function targetRules(from: string, to: string, path: Path): readonly Problem[] {
  const stars = to.split('*').length - 1;
  if (stars > 1) return [errorAt(path, `${JSON.stringify(to)} has more than one *; write one at most`)];
  if (stars === 1 && !from.includes('*')) {
    return [
      errorAt(
        path,
        `the * of ${to} stands for what the * of from matched, and from has none; write a model name`,
      ),
    ];
  }
  if (to === from)
    return [warningAt(path, 'the model keeps its name; remove this mapping, or write another name')];
  return [];
}

/** Warns of providers that stand in the shadow of another: there is no failover that would reach them. */
export function shadowRules(providers: readonly Provider[], path: Path): readonly Problem[] {
  const problems: Problem[] = [];
  const inOrder = providers
    .map((provider, index) => ({ provider, index }))
    .filter((entry): entry is { provider: ProviderResource; index: number } => isWhole(entry.provider))
    .sort((a, b) => a.provider.priority - b.provider.priority || a.index - b.index);
  inOrder.forEach(({ provider, index }, place) => {
    const before = inOrder.slice(0, place).map((entry) => entry.provider);
    const twin = before.find((other) => isTwin(other, provider));
    if (twin !== undefined) {
      problems.push(
        warningAt(
          [...path, index],
          `providers ${twin.name} and ${provider.name} have the same url and auth; remove one, or write what should differ`,
        ),
      );
      return;
    }
    const shadow = before.find((other) => overlap(other.models, provider.models));
    if (shadow === undefined) return;
    const isHidden = coversAll(shadow.models, provider.models);
    problems.push(
      warningAt(
        [...path, index],
        isHidden
          ? `provider ${provider.name} is never used: ${shadow.name} comes first and has its models, and failover comes with a later release; give each its models`
          : `for models that both have, only ${shadow.name} is used, never ${provider.name}: failover comes with a later release; give each its models`,
      ),
    );
  });
  return problems;
}

/** No field of a provider is optional once the defaults are in: what is undefined is broken. */
function isWhole(provider: Provider): provider is ProviderResource {
  return Object.values(provider).every((field) => field !== undefined);
}

function isTwin(a: ProviderResource, b: ProviderResource): boolean {
  const differing = ({ url, auth, models, modelMapping, headers, query, tls }: ProviderResource): string =>
    JSON.stringify([url.replace(/\/+$/, ''), auth, models, modelMapping, headers, query, tls]);
  return differing(a) === differing(b);
}

/** Whether two lists of patterns have a model in common; an empty list = any model. Broken patterns count as any. */
function overlap(a: readonly string[], b: readonly string[]): boolean {
  return toPatterns(a).some((one) => toPatterns(b).some((other) => canOverlap(one, other)));
}

function coversAll(outer: readonly string[], inner: readonly string[]): boolean {
  return toPatterns(inner).every((one) => toPatterns(outer).some((other) => covers(other, one)));
}

function toPatterns(models: readonly string[]): readonly ModelPattern[] {
  if (models.length === 0) return [{ kind: 'any', text: '' }];
  return models.map((model) => toModelPattern(modelPatternMistake(model) === undefined ? model : '*'));
}
