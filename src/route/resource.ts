/**
 * ResponsesRoute as it is written: the one place where its fields, bounds and defaults stand. Types, the file
 * check, the JSON schema for editors and docs/routes.md follow from it. No unions: a field with kinds has a `type`
 * and the rules (rules.ts) tie the other fields to it, because a structural schema has no other way.
 */
import { z } from 'zod';
import {
  basePath,
  dnsLabel,
  headerName,
  routeHostname,
  modelPattern,
  objectName,
  relayPath,
} from './field-types.ts';
import {
  HEADER_PATTERN,
  HEADER_TO_CLIENTS,
  HEADER_TO_PROVIDERS,
  MATCHED_HEADER,
} from './cel-header-rules.ts';
import { MODEL_PATTERN } from './cel-provider-rules.ts';
import { RELAYED_PATH, SPEC, UNIQUE_HOSTNAMES, UNIQUE_VALUES } from './cel-spec-rules.ts';
import { keyedBy, mergedValues, ownedAsWhole, validated } from './cluster-meta.ts';
import type { CelRule } from './cluster-meta.ts';
import { clientsSchema } from './client-resource.ts';
import { FAILOVER_CAUSES } from './failover-causes.ts';
import { providerSchema } from './provider-resource.ts';
import { SAFE_PATHS, SAFE_SOCKET_PATHS } from './relayed-paths.ts';

/** What `apiVersion` must be. */
export const API_VERSION = 'turnbridge.dev/v1alpha1';
/** What `kind` must be. */
export const KIND = 'ResponsesRoute';

const headerMatch = z
  .strictObject({
    name: headerName().meta({
      description: 'Name of the header in lower case.',
      ...validated(MATCHED_HEADER),
    }),
    type: z.enum(['Exact', 'RegularExpression']).default('Exact').meta({
      description: 'How value is compared. A regular expression must match the whole header.',
    }),
    value: z
      .string()
      .min(1)
      .max(1024)
      .meta({ description: 'Text or regular expression (JavaScript syntax).' }),
  })
  .meta(validated(...HEADER_PATTERN));

const match = z.strictObject({
  paths: z
    .array(basePath())
    .min(1)
    .max(16)
    .default(['/v1'])
    .meta({
      description:
        'Base paths below which /responses lies. With the host they choose the group of routes at the upgrade.',
      ...ownedAsWhole(),
      ...validated(UNIQUE_VALUES),
    }),
  models: z
    .array(modelPattern().meta(validated(MODEL_PATTERN)))
    .max(64)
    .default([])
    .meta({
      description:
        'Models this route is for: exact names, or patterns with one * at the start or end. Empty: any.',
      ...mergedValues(),
    }),
  headers: z
    .array(headerMatch)
    .max(16)
    .default([])
    .meta({
      description: 'Headers of the client that must all be there for a turn to take this route.',
      ...keyedBy('name'),
    }),
});

function headerRules(allowed: readonly CelRule[]) {
  return z.strictObject({
    allow: z
      .array(headerName().meta(validated(...allowed)))
      .max(64)
      .default([])
      .meta({
        description: 'Names of headers that pass besides the safe ones, in lower case.',
        ...mergedValues(),
      }),
    deny: z
      .array(headerName())
      .max(64)
      .default([])
      .meta({
        description: 'Names of headers that do not pass, in lower case. Wins over allow.',
        ...mergedValues(),
      }),
  });
}

const continuation = z.strictObject({
  mode: z.enum(['Transcript', 'Stateless', 'Provider']).optional().meta({
    description:
      'How previous_response_id is answered where the provider itself does not hold it. Transcript: the bridge remembers the connection. Stateless: clients send everything each time. Provider: ids pass through. When left out: Transcript, or Provider where all providers are reached by WebSocket alone.',
  }),
  maxBytesPerConnection: z.int().min(1024).max(268_435_456).default(8_388_608).meta({
    description: 'Largest memory of one connection, in bytes. Beyond it the oldest chain is given up.',
  }),
});

const timeouts = z.strictObject({
  connectSeconds: z
    .int()
    .min(1)
    .max(300)
    .default(10)
    .meta({ description: 'Until a connection to a provider stands.' }),
  firstEventSeconds: z
    .int()
    .min(1)
    .max(3600)
    .default(300)
    .meta({ description: 'From the request to the first event.' }),
  idleSeconds: z.int().min(1).max(3600).default(300).meta({ description: 'Between two events.' }),
  turnDeadlineSeconds: z.int().min(1).max(86_400).default(3600).meta({ description: 'For the whole turn.' }),
});

const limits = z.strictObject({
  maxConnections: z.int().min(1).max(1_000_000).optional().meta({
    description: 'Connections of this group of routes in one pod. No limit of its own when left out.',
  }),
  maxConnectionsPerClient: z.int().min(1).max(100_000).default(64).meta({
    description: 'Connections of one client in one pod.',
  }),
  maxConnectionAgeSeconds: z.int().min(1).max(3600).default(3600).meta({
    description: 'Age at which a connection is closed between turns; up to a tenth earlier, at random.',
  }),
  maxMessageBytes: z.int().min(1024).max(268_435_456).default(67_108_864).meta({
    description: 'Largest message of a client, in bytes.',
  }),
  maxQueuedTurns: z
    .int()
    .min(1)
    .max(1024)
    .default(64)
    .meta({ description: 'Turns that wait on one connection.' }),
  maxTurnsInFlight: z
    .int()
    .min(1)
    .max(128)
    .default(16)
    .meta({ description: 'Turns that run at once on one connection.' }),
  maxLanes: z.int().min(1).max(256).default(32).meta({ description: 'Named lanes of one connection.' }),
});

const failover = z.strictObject({
  causes: z
    .array(z.enum(FAILOVER_CAUSES))
    .max(FAILOVER_CAUSES.length)
    .default([...FAILOVER_CAUSES])
    .meta({
      description: 'What makes a turn go on to another provider before its first event. Empty: nothing does.',
      ...ownedAsWhole(),
      ...validated(UNIQUE_VALUES),
    }),
  maxAttempts: z.int().min(1).max(5).default(2).meta({
    description: 'Providers that are tried for one turn, the first one counted. 1: no failover.',
  }),
});

const relay = z.strictObject({
  paths: z
    .array(relayPath().meta(validated(RELAYED_PATH)))
    .max(32)
    .default([...SAFE_PATHS])
    .meta({
      description:
        'Other paths below the base that are passed on to the provider: exact, or /path/* for all below it.',
      ...ownedAsWhole(),
      ...validated(UNIQUE_VALUES),
    }),
  webSocketPaths: z
    .array(relayPath().meta(validated(RELAYED_PATH)))
    .max(32)
    .default([...SAFE_SOCKET_PATHS])
    .meta({
      description:
        'Paths below the base whose WebSockets are passed on to the provider, message by message: exact, or /path/* for all below it.',
      ...ownedAsWhole(),
      ...validated(UNIQUE_VALUES),
    }),
  sharedKey: z.enum(['Refused', 'Allowed']).default('Refused').meta({
    description:
      'Allowed: paths beyond the default ones also with a key that clients share, who may then read what others stored.',
  }),
});

const telemetry = z.strictObject({
  sessionIds: z.enum(['Hashed', 'Raw', 'None']).default('Hashed').meta({
    description: 'How the session ids of clients appear in traces and logs.',
  }),
  captureContent: z.enum(['Never']).default('Never').meta({
    description: 'Prompts and answers are never recorded; the field says so where somebody looks for it.',
  }),
});

/** `spec`: each key is a section, valid or not by itself (check-resource.ts). */
export const specSchema = z.strictObject({
  bridgeName: dnsLabel().default('default').meta({ description: 'The installation that serves this route.' }),
  hostnames: z
    .array(routeHostname())
    .max(16)
    .default([])
    .meta({
      description: 'Hosts this route is for: exact, or *.suffix. Empty: any.',
      ...mergedValues(),
      ...validated(UNIQUE_HOSTNAMES),
    }),
  match: match.prefault({}).meta({ description: 'Which requests of these hosts take this route.' }),
  clients: clientsSchema
    .prefault({})
    .meta({ description: 'Who may come in, and how. Equal for all routes of a host and path.' }),
  providers: z
    .array(providerSchema)
    .min(1)
    .max(16)
    .meta({
      description:
        'Where turns go: to one that has the model and comes first by priority, and on to another when that one fails.',
      ...keyedBy('name'),
    }),
  failover: failover.prefault({}).meta({ description: 'When a turn goes on to another provider.' }),
  headerPassthrough: z
    .strictObject({
      request: headerRules(HEADER_TO_PROVIDERS)
        .prefault({})
        .meta({ description: 'Headers from the client to the provider.' }),
      response: headerRules(HEADER_TO_CLIENTS)
        .prefault({})
        .meta({ description: 'Headers from the provider to the client.' }),
    })
    .prefault({})
    .meta({ description: 'What passes besides the headers that are safe and needed.' }),
  continuation: continuation
    .prefault({})
    .meta({ description: 'Turns that continue an earlier one by previous_response_id.' }),
  timeouts: timeouts.prefault({}).meta({ description: 'How long is waited for a provider.' }),
  limits: limits
    .prefault({})
    .meta({ description: 'Limits of clients. Equal for all routes of a host and path.' }),
  relay: relay.prefault({}).meta({ description: 'Requests that are not turns.' }),
  telemetry: telemetry.prefault({}).meta({ description: 'What telemetry shows of this route.' }),
});

/** `metadata`. What only the cluster writes is accepted, so that the output of kubectl can be checked as it is. */
export const metadataSchema = z.strictObject({
  name: objectName().meta({ description: 'Name of the route.' }),
  namespace: dnsLabel()
    .default('default')
    .meta({ description: 'Namespace of the route and of what it refers to.' }),
  labels: z.record(z.string().max(317), z.string().max(63)).optional().meta({ description: 'Labels.' }),
  annotations: z.record(z.string().max(317), z.string()).optional().meta({ description: 'Annotations.' }),
  creationTimestamp: z.unknown().optional().meta({ description: 'Written by the cluster.' }),
  finalizers: z.unknown().optional().meta({ description: 'Written by the cluster.' }),
  generation: z.unknown().optional().meta({ description: 'Written by the cluster.' }),
  managedFields: z.unknown().optional().meta({ description: 'Written by the cluster.' }),
  ownerReferences: z.unknown().optional().meta({ description: 'Written by the cluster.' }),
  resourceVersion: z.unknown().optional().meta({ description: 'Written by the cluster.' }),
  uid: z.unknown().optional().meta({ description: 'Written by the cluster.' }),
});

/** A whole document. */
export const resourceSchema = z.strictObject({
  apiVersion: z.literal(API_VERSION).meta({ description: 'Version of this format.' }),
  kind: z.literal(KIND).meta({ description: 'Kind of this document.' }),
  metadata: metadataSchema.meta({ description: 'Name and namespace.' }),
  spec: specSchema.meta({
    description: 'Who may come in, which requests this route is for, and where their turns go.',
    ...validated(...SPEC),
  }),
  status: z.unknown().optional().meta({ description: 'Written by the operator; not read from files.' }),
});

/** A route with every default filled in. */
export type ResponsesRoute = z.output<typeof resourceSchema>;
/** Its `spec` with every default filled in. */
export type RouteSpec = ResponsesRoute['spec'];
