/** The rules in CEL of the CRD, each with its place, and what the API server says when one is broken. */
import { responsesRouteCrd } from '../../src/route/crd.ts';

export interface PlacedRule {
  /** `spec.providers[].url`, and which of its rules. */
  readonly id: string;
  /** Of the field that carries it. */
  readonly path: string;
  /** Of the field that is told: `spec.providers[].auth.secretRef`. */
  readonly told: string;
  readonly rule: string;
  /** What is said in any case: the message, or the longest text in the expression that gives it. */
  readonly says: string;
  /** The text that the field must match; undefined where the rule is no pattern. */
  readonly pattern: string | undefined;
}

interface Schema {
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly 'x-kubernetes-validations'?: readonly {
    readonly rule: string;
    readonly message?: string;
    readonly messageExpression?: string;
    readonly fieldPath?: string;
  }[];
}

/** All of them, in the order of the schema. */
export function placedRules(): readonly PlacedRule[] {
  const { spec } = responsesRouteCrd('0.0.0') as {
    spec: { versions: readonly [{ schema: { openAPIV3Schema: Schema } }] };
  };
  return rulesOf(spec.versions[0].schema.openAPIV3Schema, '');
}

function rulesOf(schema: Schema, path: string): readonly PlacedRule[] {
  const own = (schema['x-kubernetes-validations'] ?? []).map((validation, index): PlacedRule => {
    const { rule, message, messageExpression, fieldPath = '' } = validation;
    return {
      id: `${path} ${String(index)}`,
      path,
      told: `${path}${fieldPath}`,
      rule,
      says: message ?? longestText(messageExpression ?? ''),
      pattern: index === 0 && schema.pattern !== undefined ? schema.pattern : undefined,
    };
  });
  return [
    ...own,
    ...(schema.items === undefined ? [] : rulesOf(schema.items, `${path}[]`)),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, inner]) =>
      rulesOf(inner, path === '' ? name : `${path}.${name}`),
    ),
  ];
}

function longestText(expression: string): string {
  // a raw text, r'…', is a pattern, and told to nobody
  const texts = [...expression.matchAll(/r'[^']*'|'((?:[^'\\]|\\.)*)'/g)].map((match) => match[1] ?? '');
  return texts.toSorted((a, b) => b.length - a.length)[0]?.replaceAll(String.raw`\'`, "'") ?? '';
}

/** One of the reasons for which the API server refused an object. */
export interface Cause {
  readonly field: string;
  readonly message: string;
}

/** Whether it was this rule that the API server told. */
export function isToldBy(rule: PlacedRule, { field, message }: Cause): boolean {
  return field.replaceAll(/\[[^\]]*\]/g, '[]') === rule.told && message.includes(rule.says);
}
