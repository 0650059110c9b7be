/** The CustomResourceDefinition, printed from the schema. manifests/crd holds what this gives; a test compares. */
import { z } from 'zod';
import { celText, takeSaidOfPattern } from './cluster-meta.ts';
import { API_VERSION, KIND, resourceSchema } from './resource.ts';
import { statusSchema, UNJUDGED_STATUS } from './status-resource.ts';

const [GROUP = '', VERSION = ''] = API_VERSION.split('/');
const PLURAL = 'responsesroutes';

/** What the resource is called in the API and by kubectl. */
export const CRD_NAME = `${PLURAL}.${GROUP}`;

type Schema = Record<string, unknown>;

/**
 * The CRD as JSON values.
 *
 * @param release Version of the program whose schema it is; an annotation, so that tools can tell which is installed.
 */
export function responsesRouteCrd(release: string): Schema {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: CRD_NAME,
      annotations: {
        [`${GROUP}/bundle-version`]: `v${release}`,
        [`${GROUP}/channel`]: 'experimental',
      },
      labels: { 'app.kubernetes.io/name': 'turnbridge', 'app.kubernetes.io/component': 'crd' },
    },
    spec: {
      group: GROUP,
      names: {
        kind: KIND,
        listKind: `${KIND}List`,
        plural: PLURAL,
        singular: PLURAL.slice(0, -1),
        shortNames: ['tbroute'],
        categories: ['turnbridge'],
      },
      scope: 'Namespaced',
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: openApiSchema() },
          subresources: { status: {} },
          selectableFields: [{ jsonPath: '.spec.bridgeName' }],
          additionalPrinterColumns: COLUMNS,
        },
      ],
    },
  };
}

/** Conditions are chosen by their type: their order means nothing. */
const COLUMNS: readonly Schema[] = [
  conditionColumn('Accepted'),
  conditionColumn('Programmed'),
  conditionColumn('Ready'),
  { name: 'Providers', type: 'string', jsonPath: '.status.providers' },
  {
    name: 'Bridge',
    type: 'string',
    priority: 1,
    jsonPath: '.spec.bridgeName',
  },
  {
    name: 'Reason',
    type: 'string',
    priority: 1,
    jsonPath: '.status.conditions[?(@.type=="Ready")].reason',
  },
  {
    name: 'Message',
    type: 'string',
    priority: 1,
    jsonPath: '.status.conditions[?(@.type=="Ready")].message',
  },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
];

function conditionColumn(type: string): Schema {
  return { name: type, type: 'string', jsonPath: `.status.conditions[?(@.type=="${type}")].status` };
}

function openApiSchema(): Schema {
  const { spec } = toOpenApi(resourceSchema)['properties'] as Readonly<Record<string, Schema>>;
  return {
    description:
      'Who may come in, which requests this is for, and where their turns go. One route is enough to work; routes of one host and path form a group, and the model of each turn chooses among them.',
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string', description: `Version of this format: ${API_VERSION}.` },
      kind: { type: 'string', description: `Kind of this object: ${KIND}.` },
      metadata: { type: 'object' },
      spec,
      status: {
        ...toOpenApi(statusSchema),
        description: 'What the operator observed. Nobody else writes it.',
        default: UNJUDGED_STATUS,
      },
    },
  };
}

function toOpenApi(schema: z.ZodType): Schema {
  const printed: Schema = z.toJSONSchema(schema, { io: 'input', target: 'openapi-3.0' });
  toStructural(printed);
  return printed;
}

/** Changes in place what a structural schema has no use for, or says otherwise. Last of all, when it is complete. */
function toStructural(schema: Schema): void {
  const properties = (schema['properties'] ?? {}) as Readonly<Record<string, Schema>>;
  for (const property of Object.values(properties)) toStructural(property);
  if (isMap(schema['items'])) toStructural(schema['items'] as Schema);
  // Unknown fields are pruned, or refused when the client asks for it; to forbid them beside `properties` is an error.
  delete schema['additionalProperties'];
  const sentence = takeSaidOfPattern(schema);
  if (typeof schema['pattern'] === 'string') {
    const pattern = schema['pattern'].replaceAll('\\/', '/'); // a slash needs no escape in RE2
    schema['pattern'] = pattern;
    if (sentence !== undefined) addPatternRule(schema, pattern, sentence);
  }
  // A default is held against the rules of its map before the defaults inside it are filled in.
  if (isMap(schema['default']) && schema['x-kubernetes-validations'] !== undefined) {
    schema['default'] = defaultsOf(properties);
  }
}

/** Beside the pattern, not in its place: tools read the one, people the other. */
function addPatternRule(schema: Schema, pattern: string, sentence: string): void {
  const key = 'x-kubernetes-validations';
  const others = (schema[key] ?? []) as readonly Schema[];
  schema[key] = [
    { rule: `self.matches(${celText(pattern)})`, message: sentence, reason: 'FieldValueInvalid' },
    ...others,
  ];
}

function defaultsOf(properties: Readonly<Record<string, Schema>>): Schema {
  const withDefault = Object.entries(properties).filter(([, field]) => 'default' in field);
  return Object.fromEntries(withDefault.map(([name, field]) => [name, field['default']]));
}

function isMap(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
