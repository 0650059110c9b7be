import { z } from 'zod';
import { CLUSTER_PREFIX } from './cluster-meta.ts';
import { resourceSchema } from './resource.ts';

/**
 * The schema of ResponsesRoute as JSON Schema (draft 7), as it is written: fields with a default are optional.
 * Editors complete and check with it; manifests/responsesroute.schema.json is this value. What only a cluster reads is
 * left out: editors would warn of it.
 */
export function responsesRouteJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(resourceSchema, {
    io: 'input',
    target: 'draft-7',
    override: ({ jsonSchema }) => {
      for (const key of Object.keys(jsonSchema)) {
        if (key.startsWith(CLUSTER_PREFIX)) delete jsonSchema[key];
      }
    },
  });
  return { title: 'ResponsesRoute', ...schema };
}
