/**
 * `status` of a ResponsesRoute: what the operator observed. Written by it alone, through the status subresource; small
 * and slow on purpose, because each change is a write to etcd and an event for everybody who watches.
 */
import { z } from 'zod';
import { keyedBy } from './cluster-meta.ts';

/** Eight types are known; an entry more would be somebody else's. */
const MAX_CONDITIONS = 8;
/** Largest integer that JavaScript and JSON agree on. */
const MAX_GENERATION = Number.MAX_SAFE_INTEGER;

const conditionSchema = z.strictObject({
  type: z
    .string()
    .max(316)
    .regex(
      /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/,
    )
    .meta({
      description:
        'What is judged. Accepted: the route makes sense. ResolvedRefs: what it refers to is there. Programmed: every ready bridge pod serves it as it is now. Ready: all of that. PartiallyInvalid: some providers cannot be used, the others serve. Reconciling and Stalled are for tools that wait.',
    }),
  status: z.enum(['True', 'False', 'Unknown']).meta({ description: 'Whether it is so.' }),
  observedGeneration: z
    .int()
    .min(0)
    .max(MAX_GENERATION)
    .optional()
    .meta({ description: 'The generation of the route that was judged.' }),
  lastTransitionTime: z
    .string()
    .max(64)
    .meta({ format: 'date-time', description: 'When status changed last.' }),
  reason: z
    .string()
    .min(1)
    .max(1024)
    .regex(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/)
    .meta({ description: 'Why, as one word for programs.' }),
  message: z.string().max(32_768).meta({ description: 'Why, as a sentence that says the cure.' }),
});

/** `status`. */
export const statusSchema = z.strictObject({
  observedGeneration: z
    .int()
    .min(0)
    .max(MAX_GENERATION)
    .optional()
    .meta({ description: 'The newest generation of the route that the operator has judged.' }),
  providers: z
    .string()
    .max(16)
    .regex(/^[0-9]+\/[0-9]+$/)
    .optional()
    .meta({ description: 'How many providers can be used, of how many: 2/3.' }),
  conditions: z
    .array(conditionSchema)
    .max(MAX_CONDITIONS)
    .optional()
    .meta({
      description: 'What holds of the route, by type. A message says what to do.',
      ...keyedBy('type'),
    }),
});

/**
 * What the API server shows of a route that no operator has judged: a status that a client sends with a new route is
 * dropped, and a default is not. Only conditions that the operator always writes: nobody owns a default, so one that
 * it leaves out would stay. Generation 0 and a time long ago are older than any.
 */
export const UNJUDGED_STATUS: z.input<typeof statusSchema> = {
  observedGeneration: 0,
  conditions: ['Accepted', 'ResolvedRefs', 'Programmed', 'Ready'].map((type) => ({
    type,
    status: 'Unknown',
    observedGeneration: 0,
    lastTransitionTime: '1970-01-01T00:00:00Z',
    reason: 'Pending',
    message:
      'no operator has judged this route yet: none is running, or none serves this namespace and spec.bridgeName',
  })),
};
