/** `spec.providers[]` as it is written. The descriptions are documentation: they are shown by editors and kubectl. */
import { z } from 'zod';
import {
  dnsLabel,
  entryKey,
  headerName,
  headerValue,
  hostname,
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
    .meta({ description: 'Header that carries the key, in lower case.' }),
  prefix: z
    .string()
    .max(64)
    .regex(/^[\x20-\x7e]*$/, 'must be printable ASCII, such as "Bearer "')
    .default('Bearer ')
    .meta({ description: 'Text before the key, with its space. Empty for headers that hold the bare key.' }),
});

const providerAuth = z.strictObject({
  type: z.enum(['None', 'APIKey', 'Passthrough']).default('Passthrough').meta({
    description:
      'Whose key the provider gets. Passthrough: that of the client, unchanged. APIKey: the one in secretRef. None: no key.',
  }),
  secretRef: secretKeyRef.optional().meta({ description: 'Where the key is. For type APIKey only.' }),
  header: authHeader.optional().meta({ description: 'How the key is sent. For type APIKey only.' }),
});

const headerField = z.strictObject({
  name: headerName().meta({ description: 'Name of the header in lower case.' }),
  value: headerValue().meta({
    description: 'Value of the header. Not for credentials: those belong in a Secret.',
  }),
});

const providerHeaders = z.strictObject({
  set: z.array(headerField).max(32).default([]).meta({
    description: 'Headers written into each request, in place of those of the same name.',
  }),
  add: z.array(headerField).max(32).default([]).meta({
    description: 'Headers added to each request, beside those of the same name.',
  }),
  remove: z.array(headerName()).max(32).default([]).meta({
    description: 'Names of headers taken out of each request, before set and add.',
  }),
});

const queryEntry = z.strictObject({
  name: queryName().meta({ description: 'Name of the query parameter.' }),
  value: z.string().max(1024).meta({ description: 'Value, as plain text: it is encoded for you.' }),
});

const mapping = z.strictObject({
  from: modelPattern().meta({
    description: 'Model as the client names it, or a pattern with one * at its start or end.',
  }),
  to: modelPattern().meta({
    description: 'Model as the provider names it. A * stands for the text that the * of from matched.',
  }),
});

const caCertificateRef = z.strictObject({
  kind: z
    .enum(['ConfigMap', 'Secret'])
    .default('ConfigMap')
    .meta({ description: 'What holds the certificates.' }),
  name: objectName().meta({ description: 'Name of the object, in the namespace of the route.' }),
  key: entryKey().default('ca.crt').meta({ description: 'Entry that holds one or more PEM certificates.' }),
});

const providerTls = z.strictObject({
  caCertificateRefs: z.array(caCertificateRef).max(8).default([]).meta({
    description: 'Authorities trusted for this provider, instead of those of the system.',
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
  maxConnectionAgeSeconds: z.int().min(60).max(3600).optional().meta({
    description: 'Age at which a WebSocket to this provider is replaced. Comes with a later release.',
  }),
});

const providerHealth = z.strictObject({
  consecutiveFailures: z.int().min(1).max(100).default(3).meta({
    description: 'Failures in a row after which the provider rests. Other values come with a later release.',
  }),
  ejectionSeconds: z.int().min(1).max(3600).default(10).meta({
    description: 'First rest; each further one is longer. Other values come with a later release.',
  }),
  maxEjectionSeconds: z.int().min(1).max(86_400).default(300).meta({
    description: 'Longest rest. Other values come with a later release.',
  }),
});

/** One entry of `spec.providers`. */
export const providerSchema = z.strictObject({
  name: dnsLabel().meta({ description: 'Names the provider within the route, also in metrics and logs.' }),
  url: z.string().min(1).max(2048).meta({
    description: 'Address with its base path, such as https://api.openai.com/v1: /responses is added to it.',
  }),
  transport: z.enum(['Auto', 'HTTP', 'WebSocket']).default('Auto').meta({
    description: 'How turns travel. Auto means HTTP until WebSocket comes with a later release.',
  }),
  auth: providerAuth.prefault({}).meta({ description: 'The key this provider gets.' }),
  priority: z.int().min(0).max(100).default(0).meta({
    description: 'Order of preference, lower first; equal ones in the order written.',
  }),
  weight: z.int().min(0).max(1_000_000).default(1).meta({
    description: 'Share among providers of equal priority. Other values come with a later release.',
  }),
  models: z.array(modelPattern()).max(64).default([]).meta({
    description:
      'Models it has, as clients name them: exact names, or patterns with one * at the start or end. Empty: any.',
  }),
  modelMapping: z.array(mapping).max(64).default([]).meta({
    description: 'Other names for models towards this provider. An exact from wins over a pattern.',
  }),
  headers: providerHeaders.prefault({}).meta({ description: 'Changes to the headers of each request.' }),
  query: z.array(queryEntry).max(32).default([]).meta({
    description: 'Query parameters added to each request, such as api-version for Azure.',
  }),
  tls: providerTls.prefault({}).meta({ description: 'Whom to trust on https.' }),
  http: z.enum(['Auto', 'HTTP1', 'HTTP2']).default('Auto').meta({
    description: 'Version of HTTP. Auto: HTTP/2 where TLS negotiates it, else HTTP/1.1.',
  }),
  dialect: z.enum(['OpenAI', 'ChatGPT', 'Compatible']).default('OpenAI').meta({
    description:
      'How closely its events follow the API. OpenAI: passed as they come. Compatible: gaps are repaired. ChatGPT comes with a later release.',
  }),
  limits: providerLimits.prefault({}).meta({ description: 'Limits of this provider.' }),
  health: providerHealth.prefault({}).meta({ description: 'When a failing provider rests.' }),
});

/** A provider with every default filled in. */
export type ProviderResource = z.output<typeof providerSchema>;
