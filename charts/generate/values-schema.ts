/** From the tree of a chart's values to the JSON schema that Helm judges a user's values by. */
import type { ValueNode } from './values-tree.ts';

/** A JSON schema, draft 7: what editors and both Helms read. */
export type Schema = Readonly<Record<string, unknown>>;

/**
 * The schema of a whole chart. A key of a map that is ours and that is not in values.yaml is refused: a typo.
 * @param nodes from `readValues`
 */
export function valuesSchema(nodes: readonly ValueNode[]): Schema {
  const { properties, required } = mapSchema(nodes);
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    type: 'object',
    additionalProperties: false,
    required,
    properties: {
      // what a parent chart may write for `condition: turnbridge.enabled`; Helm hands it down with the rest
      enabled: { type: 'boolean', description: "For a parent chart's condition" },
      ...(properties as Schema),
      // parents hand down their own globals: Helm writes the key into each subchart
      global: {
        ...((properties as Schema)['global'] as Schema | undefined),
        type: 'object',
        additionalProperties: true,
      },
    },
  };
}

function mapSchema(nodes: readonly ValueNode[]): Schema {
  const required = nodes.filter(isNeeded).map(({ path }) => path.at(-1));
  return {
    type: 'object',
    additionalProperties: false,
    ...(required.length === 0 ? {} : { required }),
    properties: Object.fromEntries(nodes.map((node) => [node.path.at(-1), nodeSchema(node)])),
  };
}

/**
 * A key that is left empty in a values file is null, by which Helm takes the default away. Nobody who leaves `replicas:`
 * empty wants no pods. A list, a map of Kubernetes, and a text that is empty by default may be missing: that is the
 * empty one. So may a flag.
 */
function isNeeded({ path, value, children }: ValueNode): boolean {
  if (children !== undefined) return true;
  if (path.at(-2) === 'flags') return false;
  return value !== '' && typeof value !== 'object';
}

function nodeSchema(node: ValueNode): Schema {
  const described = node.description === '' ? {} : { description: node.description };
  return { ...described, ...shapeOf(node) };
}

function shapeOf(node: ValueNode): Schema {
  if (node.children !== undefined) return mapSchema(node.children);
  const { value, marks } = node;
  if (Array.isArray(value)) {
    return { type: 'array', ...(marks.items === undefined ? {} : { items: { type: marks.items } }) };
  }
  if (typeof value === 'object' && value !== null) return { type: 'object' };
  return scalarSchema(node, marks.type ?? [typeOf(value)]);
}

/** Several types mean: a number or switch, or a text that stands for one, or for nothing. */
function scalarSchema({ marks, path }: ValueNode, types: readonly string[]): Schema {
  if (marks.enum !== undefined) return { enum: marks.enum.flatMap((text) => spellings(text, types)) };
  if (types.includes('boolean') && types.includes('string')) return { enum: [true, false, ''] };
  const isNumber = types.includes('integer') || types.includes('number');
  const bounds = {
    ...(marks.min === undefined ? {} : { minimum: marks.min }),
    ...(marks.max === undefined ? {} : { maximum: marks.max }),
  };
  if (isNumber && types.includes('string')) {
    const digits = types.includes('number') ? '^([0-9]+([.][0-9]+)?)?$' : '^([0-9]+%?)?$';
    return { type: types, ...bounds, pattern: marks.pattern ?? digits };
  }
  if (isNumber && marks.min === undefined) {
    throw new Error(`${path.join('.')} is a number without @min: write the smallest that makes sense`);
  }
  const pattern = marks.pattern === undefined ? {} : { pattern: marks.pattern };
  return { type: types.length === 1 ? types[0] : types, ...bounds, ...pattern };
}

/** `true` as a text, and as the switch it looks like where that is allowed: `--set` makes one of it. */
function spellings(text: string, types: readonly string[]): unknown[] {
  return types.includes('boolean') && (text === 'true' || text === 'false')
    ? [text, text === 'true']
    : [text];
}

function typeOf(value: unknown): string {
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value === 'boolean' ? 'boolean' : 'string';
}
