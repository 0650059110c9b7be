/**
 * What only a cluster reads of the schema: how lists and maps merge under server-side apply, and rules in CEL. It is
 * carried as meta beside the descriptions; crd.ts prints it, json-schema.ts leaves it out.
 */

/** Every key of this file begins so. */
export const CLUSTER_PREFIX = 'x-kubernetes-';

/** A rule in CEL. `self` is the value of the field that carries it; the defaults are filled in. */
export interface CelRule {
  /** True for what is accepted. A rule should be silent about what another rule refuses. */
  readonly rule: string;
  /** What the person reads: the sentence of `turnbridge check` for the same mistake. */
  readonly says:
    | { readonly message: string }
    /** CEL that gives the sentence; must be cheap and without line breaks. */
    | { readonly messageExpression: string };
  /** The field that is wrong, below the one that carries the rule: `.secretRef`. */
  readonly fieldPath?: string;
  /**
   * `Forbidden` never shows the value: for fields into which somebody may have written a key. There is a `Duplicate`,
   * which the API server tells without its message.
   */
  readonly reason: 'Invalid' | 'Forbidden' | 'Required';
}

type ClusterMeta = Readonly<Record<`${typeof CLUSTER_PREFIX}${string}`, unknown>>;

/** A list whose entries merge by a field that tells them apart; unique by it. */
export function keyedBy(key: string): ClusterMeta {
  return { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] };
}

/** A list of values that merge; each once. */
export function mergedValues(): ClusterMeta {
  return { 'x-kubernetes-list-type': 'set' };
}

/**
 * A list that has one owner and is replaced as a whole. For lists with a default that has entries: nobody owns a
 * default, so in a set it would stay beside what is applied later. And where one writer must not add to what another
 * trusts.
 */
export function ownedAsWhole(): ClusterMeta {
  return { 'x-kubernetes-list-type': 'atomic' };
}

/** A map whose fields mean something only together. */
export function atomicMap(): ClusterMeta {
  return { 'x-kubernetes-map-type': 'atomic' };
}

/** Rules of one field. */
export function validated(...rules: readonly CelRule[]): ClusterMeta {
  return {
    'x-kubernetes-validations': rules.map(({ rule, says, fieldPath, reason }) => ({
      rule,
      ...says,
      ...(fieldPath === undefined ? {} : { fieldPath }),
      reason: `FieldValue${reason}`,
    })),
  };
}

const SAID_OF_PATTERN = `${CLUSTER_PREFIX}said-of-pattern`;

/** What is said of a text that does not match its pattern: the API server itself shows the pattern. */
export function saidOfPattern(sentence: string): ClusterMeta {
  return { [SAID_OF_PATTERN]: sentence };
}

/** Takes the sentence out of a printed schema; undefined when there is none. */
export function takeSaidOfPattern(schema: Record<string, unknown>): string | undefined {
  const sentence = schema[SAID_OF_PATTERN];
  delete schema[SAID_OF_PATTERN];
  return typeof sentence === 'string' ? sentence : undefined;
}

/** Text as a string of CEL. */
export function celText(text: string): string {
  return `'${text.replaceAll('\\', String.raw`\\`).replaceAll("'", String.raw`\'`)}'`;
}

/** Texts as a list of CEL. */
export function celList(texts: readonly string[]): string {
  return `[${texts.map(celText).join(', ')}]`;
}
