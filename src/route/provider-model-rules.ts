/** Models of providers: mappings that cannot match, and which models two lists have in common. */
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

/** Whether two lists of patterns have a model in common; an empty list = any model. Broken patterns count as any. */
export function overlap(a: readonly string[], b: readonly string[]): boolean {
  return toPatterns(a).some((one) => toPatterns(b).some((other) => canOverlap(one, other)));
}

/** Whether every model of one list is in another. */
export function coverAll(outer: readonly string[], inner: readonly string[]): boolean {
  return toPatterns(inner).every((one) => toPatterns(outer).some((other) => covers(other, one)));
}

function toPatterns(models: readonly string[]): readonly ModelPattern[] {
  if (models.length === 0) return [{ kind: 'any', text: '' }];
  return models.map((model) => toModelPattern(modelPatternMistake(model) === undefined ? model : '*'));
}
