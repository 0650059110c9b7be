import { z } from 'zod';
import { resourceSchema } from './resource.ts';

/**
 * The schema of ResponsesRoute as JSON Schema (draft 7), as it is written: fields with a default are optional.
 * Editors complete and check with it; manifests/responsesroute.schema.json is this value.
 */
export function responsesRouteJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(resourceSchema, { io: 'input', target: 'draft-7' });
  return { title: 'ResponsesRoute', ...schema };
}
