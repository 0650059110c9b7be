/** `spec.providers[]` as it is written. The descriptions are documentation: they are shown by editors and kubectl. */
import { z } from 'zod';
import { CHANGED_HEADER, KEY_CARRIER, KEY_HEADER_UNTOUCHED, REMOVED_HEADER } from './cel-header-rules.ts';
import {
  MAPPED_MODEL,
  MAPPING,
  MODEL_PATTERN,
  PROVIDER_AUTH,
  PROVIDER_HEALTH,
  PROVIDER_LANES,
  PROVIDER_TLS,
  PROVIDER_TRANSPORT,
  PROVIDER_URL,
} from './cel-provider-rules.ts';
import { atomicMap, keyedBy, mergedValues, ownedAsWhole, validated } from './cluster-meta.ts';
import { CAPABILITIES } from './snapshot.ts';
import {
  dnsLabel,
  entryKey,
  headerName,
  headerValue,
  hostname,
  keyPrefix,
  modelPattern,
  objectName,
  queryName,
} from './field-types.ts';

const secretKeyRef = z.strictObject({
  name: objectName().meta({ description: 'Name of a Secret in the namespace of the route.' }),
  key: entryKey().default('apiKey').meta({ description: 'Entry of the Secret that holds the key.' }),
});

const authHeader = z.strictObject({
  name: headerName()
    .default('authorization')
    .meta({ description: 'Header that carries the key, in lower case.', ...validated(KEY_CARRIER) }),
  prefix: keyPrefix()
    .default('Bearer ')
    .meta({ description: 'Text before the key, with its space. Empty for headers that hold the bare key.' }),
});

const providerAuth = z.strictObject({
  type: z.enum(['None', 'APIKey', 'Passthrough']).default('Passthrough').meta({
    description:
      'Whose key the provider gets. Passthrough: that of the client, unchanged. APIKey: the one in secretRef. None: no key.',
  }),
  secretRef: secretKeyRef
    .optional()
    .meta({ description: 'Where the key is. For type APIKey only.', ...atomicMap() }),
  header: authHeader.optional().meta({ description: 'How the key is sent. For type APIKey only.' }),
});

const headerField = z.strictObject({
  name: headerName().meta({
    description: 'Name of the header in lower case.',
    ...validated(...CHANGED_HEADER),
  }),
  value: headerValue().meta({
    description: 'Value of the header. Not for credentials: those belong in a Secret.',
  }),
});

const providerHeaders = z.strictObject({
  set: z
    .array(headerField)
    .max(32)
    .default([])
    .meta({
      description: 'Headers written into each request, in place of those of the same name.',
      ...keyedBy('name'),
    }),
  add: z
    .array(headerField)
    .max(32)
    .default([])
    .meta({
      description: 'Headers added to each request, beside those of the same name.',
      ...keyedBy('name'),
    }),
  remove: z
    .array(headerName().meta(validated(...REMOVED_HEADER)))
    .max(32)
    .default([])
    .meta({
      description: 'Names of headers taken out of each request, before set and add.',
      ...mergedValues(),
    }),
});

const queryEntry = z.strictObject({
  name: queryName().meta({ description: 'Name of the query parameter.' }),
  value: z.string().max(1024).meta({ description: 'Value, as plain text: it is encoded for you.' }),
});

const mapping = z
  .strictObject({
    from: modelPattern().meta({
      description: 'Model as the client names it, or a pattern with one * at its start or end.',
      ...validated(MODEL_PATTERN),
    }),
    to: modelPattern().meta({
      description: 'Model as the provider names it. A * stands for the text that the * of from matched.',
      ...validated(MAPPED_MODEL),
    }),
  })
  .meta(validated(MAPPING));

const caCertificateRef = z.strictObject({
  kind: z
    .enum(['ConfigMap', 'Secret'])
    .default('ConfigMap')
    .meta({ description: 'What holds the certificates.' }),
  name: objectName().meta({ description: 'Name of the object, in the namespace of the route.' }),
  key: entryKey().default('ca.crt').meta({ description: 'Entry that holds one or more PEM certificates.' }),
});

const providerTls = z.strictObject({
  caCertificateRefs: z
    .array(caCertificateRef)
    .max(8)
    .default([])
    .meta({
      description: 'Authorities trusted for this provider, instead of those of the system.',
      ...ownedAsWhole(),
    }),
  wellKnownCACertificates: z.enum(['System']).optional().meta({
    description: 'System: the authorities of the system, which is also what counts when nothing is written.',
  }),
  serverName: hostname().optional().meta({
    description: 'Name expected in the certificate and sent as SNI, where it is not the host of url.',
  }),
});

const providerLimits = z.strictObject({
  maxRequestBytes: z.int().min(1024).max(268_435_456).optional().meta({
    description: 'Largest request body sent to this provider. No limit of its own when left out.',
  }),
  maxWebSocketMessageBytes: z.int().min(1024).max(268_435_456).default(16_777_216).meta({
    description:
      'Largest message on a WebSocket to this provider. What is larger goes over HTTP where transport is Auto, and is refused where it is WebSocket.',
  }),
  // No default in the schema: the API server would write it into routes that an older operator still judges, and that
  // one refuses every value of this field.
  maxConnectionAgeSeconds: z.int().min(60).max(3600).optional().meta({
    description:
      'Age at which a WebSocket to this provider takes no further turn; less than the age at which the provider itself ends it. 3300 when left out.',
  }),
});

const providerHealth = z.strictObject({
  consecutiveFailures: z.int().min(1).max(100).default(3).meta({
    description:
      'Failures in a row after which the provider rests: it gets no turn while there is another for the model.',
  }),
  ejectionSeconds: z.int().min(1).max(3600).default(10).meta({
    description:
      'First rest; each further one is twice as long, unless the provider has recovered meanwhile.',
  }),
  maxEjectionSeconds: z.int().min(1).max(86_400).default(300).meta({
    description: 'Longest rest, also where the provider asks for a longer one (Retry-After).',
  }),
});

/** One entry of `spec.providers`. */
export const providerSchema = z
  .strictObject({
    name: dnsLabel().meta({ description: 'Names the provider within the route, also in metrics and logs.' }),
    url: z
      .string()
      .min(1)
      .max(2048)
      .meta({
        description:
          'Address with its base path, such as https://api.openai.com/v1: /responses is added to it.',
        ...validated(...PROVIDER_URL),
      }),
    transport: z.enum(['Auto', 'HTTP', 'WebSocket']).default('Auto').meta({
      description:
        'How turns travel. Auto: by WebSocket where the provider has one, else over HTTP; for dialect Compatible over HTTP. A url that begins with wss:// means WebSocket.',
    }),
    auth: providerAuth.prefault({}).meta({
      description:
        'Whose key this provider gets. One with a key of its own (APIKey) needs clients that are checked, or meant to be anonymous (clients.auth.type APIKey or None); one that waits for the keys of clients (Passthrough) needs clients that bring theirs (clients.auth.type Passthrough).',
      ...validated(...PROVIDER_AUTH),
    }),
    priority: z.int().min(0).max(100).default(0).meta({
      description: 'Order of preference, lower first; those of equal priority share the turns by weight.',
    }),
    weight: z.int().min(0).max(1_000_000).default(1).meta({
      description:
        'Share of the turns among providers of equal priority that have the model. 0: only when there is no other.',
    }),
    models: z
      .array(modelPattern().meta(validated(MODEL_PATTERN)))
      .max(64)
      .default([])
      .meta({
        description:
          'Models it has, as clients name them: exact names, or patterns with one * at the start or end. Empty: any.',
        ...mergedValues(),
      }),
    modelMapping: z
      .array(mapping)
      .max(64)
      .default([])
      .meta({
        description: 'Other names for models towards this provider. An exact from wins over a pattern.',
        ...keyedBy('from'),
      }),
    headers: providerHeaders.prefault({}).meta({
      description:
        'Changes to the headers of each request. Headers of the connection, those the bridge writes itself and those with keys cannot be named.',
    }),
    query: z
      .array(queryEntry)
      .max(32)
      .default([])
      .meta({
        description: 'Query parameters added to each request, such as api-version for Azure.',
        ...keyedBy('name'),
      }),
    tls: providerTls.prefault({}).meta({
      description: 'Whom to trust on https. Certificates are always checked.',
      ...validated(PROVIDER_TLS),
    }),
    http: z.enum(['Auto', 'HTTP1', 'HTTP2']).default('Auto').meta({
      description:
        'Version of HTTP. Auto: HTTP/2 where TLS negotiates it, else HTTP/1.1. WebSockets are HTTP/1.1 in any case.',
    }),
    dialect: z.enum(['OpenAI', 'ChatGPT', 'Compatible']).default('OpenAI').meta({
      description:
        'How closely its events follow the API. OpenAI: passed as they come. Compatible: gaps are repaired. ChatGPT: the backend of ChatGPT logins, to which requests with the header chatgpt-account-id go, and no others where another provider is there for them.',
    }),
    capabilities: z
      .array(z.enum(CAPABILITIES))
      .max(CAPABILITIES.length)
      .default([])
      .meta({
        description:
          'What its WebSocket can do beyond one turn after the other. Lanes: several at once, named by stream_id; without it each lane has a socket of its own. Steer, Inject, Interrupt: it takes response.steer, response.inject, response.interrupt.',
        ...mergedValues(),
      }),
    limits: providerLimits.prefault({}).meta({ description: 'Limits of this provider.' }),
    health: providerHealth
      .prefault({})
      .meta({ description: 'When a failing provider rests.', ...validated(PROVIDER_HEALTH) }),
  })
  .meta(validated(...KEY_HEADER_UNTOUCHED, PROVIDER_TRANSPORT, PROVIDER_LANES));

/** A provider with every default filled in. */
export type ProviderResource = z.output<typeof providerSchema>;
