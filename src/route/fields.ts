/** The fields of a ResponsesRoute as a list, read from the schema: for suggestions, and for tests of the docs. */
import { z } from 'zod';
import type { Path } from './problem.ts';
import { resourceSchema } from './resource.ts';

export interface Field {
  /** `spec.providers[].auth.type` */
  readonly path: string;
  /** The last step of the path. */
  readonly name: string;
  readonly description: string;
  /** What counts when nothing is written; undefined where there is none. Empty maps are not told. */
  readonly default: unknown;
}

/** Every field, in the order of the schema, maps and lists before what is in them. */
export function listFields(): readonly Field[] {
  const fields: Field[] = [];
  collect(resourceSchema, '', fields);
  return fields;
}

/** The names that may stand at a path, when a map stands there. */
export function fieldNamesAt(path: Path): readonly string[] {
  const schema = schemaAt(path);
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

/** The description of the field at a path; empty when the schema has none there. */
export function descriptionAt(path: Path): string {
  const name = path.at(-1);
  const parent = schemaAt(path.slice(0, -1));
  if (!(parent instanceof z.ZodObject) || typeof name !== 'string') return '';
  return (parent.shape[name] as z.ZodType | undefined)?.meta()?.description ?? '';
}

function schemaAt(path: Path): z.ZodType | undefined {
  let schema: z.ZodType | undefined = resourceSchema;
  for (const step of path) {
    if (schema instanceof z.ZodObject) schema = schema.shape[step] as z.ZodType | undefined;
    else if (schema instanceof z.ZodArray) schema = schema.element as z.ZodType;
    else return undefined;
    schema = schema && unwrap(schema);
  }
  return schema;
}

function unwrap(schema: z.ZodType): z.ZodType {
  let inner = schema;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault) {
    inner = inner.unwrap() as z.ZodType;
  }
  return inner;
}

function collect(schema: z.ZodType, prefix: string, fields: Field[]): void {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodArray) collect(inner.element as z.ZodType, `${prefix}[]`, fields);
  if (!(inner instanceof z.ZodObject)) return;
  for (const [name, field] of Object.entries<z.ZodType>(inner.shape)) {
    const path = prefix === '' ? name : `${prefix}.${name}`;
    const value = field instanceof z.ZodDefault ? field.def.defaultValue : undefined;
    fields.push({ path, name, description: field.meta()?.description ?? '', default: value });
    collect(field, path, fields);
  }
}
