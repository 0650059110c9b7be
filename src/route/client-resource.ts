/** `spec.clients` as it is written. The descriptions are documentation: they are shown by editors and kubectl. */
import { z } from 'zod';
import { CLIENT_AUTH } from './cel-spec-rules.ts';
import { atomicMap, mergedValues, validated } from './cluster-meta.ts';
import { objectName, origin, queryName } from './field-types.ts';

const clientAuth = z.strictObject({
  type: z.enum(['Passthrough', 'APIKey', 'None']).default('Passthrough').meta({
    description:
      'Passthrough: the key of the client is not checked here and goes to the provider. APIKey: it is checked here and never leaves. None: anyone may come in.',
  }),
  secretRef: z
    .strictObject({
      name: objectName().meta({ description: 'Name of a Secret in the namespace of the route.' }),
    })
    .optional()
    .meta({
      description:
        'Secret with the keys of clients, for type APIKey: each entry is one client, its name is the name of the client.',
      ...atomicMap(),
    }),
});

/** `spec.clients`. */
export const clientsSchema = z.strictObject({
  auth: clientAuth.prefault({}).meta({
    description:
      'Who may come in. Keys that are checked here (APIKey) never leave, so that providers then need keys of their own or none; keys that are not checked (Passthrough) go to providers with auth Passthrough and to no other.',
    ...validated(...CLIENT_AUTH),
  }),
  webSocket: z.enum(['Enabled', 'Disabled']).default('Enabled').meta({
    description: 'Disabled answers upgrades with 426, so that clients fall back to HTTP.',
  }),
  allowedOrigins: z
    .array(origin())
    .max(32)
    .default([])
    .meta({
      description: 'Origins of browsers that may connect. Empty: no browser may.',
      ...mergedValues(),
    }),
  queryPassthrough: z
    .strictObject({
      allow: z
        .array(queryName())
        .max(32)
        .default([])
        .meta({
          description: 'Names of query parameters of the client that may reach a provider.',
          ...mergedValues(),
        }),
    })
    .prefault({})
    .meta({ description: 'What of the query of the client reaches providers: nothing, unless it is named.' }),
  trace: z.enum(['Parent', 'ParentSampled', 'Link', 'Ignore']).default('Parent').meta({
    description:
      'What a trace context of the client means. Parent: its turn is a child. ParentSampled: its sampling flag counts too. Link and Ignore are for clients that are not trusted.',
  }),
});
