import { refusedWith, withProvider, withSpec } from './mistake-row.ts';
import type { MistakeRow } from './mistake-row.ts';

/** What the schema says of any field. */
export const FORM_MISTAKES: readonly MistakeRow[] = [
  {
    mistake: 'a field that does not exist',
    spec: withSpec({ completelyDifferent: 1 }),
    check:
      'there is no field "completelyDifferent" in spec; remove it, or see docs/routes.md for the fields there are',
    cluster: { by: 'strict clients', says: 'unknown field "spec.completelyDifferent"' },
  },
  {
    mistake: 'a mistyped field',
    spec: withProvider({ aut: { type: 'None' } }),
    check: 'there is no field "aut" in spec.providers[0]; did you mean auth?',
    cluster: { by: 'strict clients', says: 'unknown field "spec.providers[0].aut"' },
  },
  {
    mistake: 'a field in the wrong place',
    spec: withSpec({ priority: 3 }),
    check: 'there is no field "priority" in spec; it is known as spec.providers[].priority',
    cluster: { by: 'strict clients', says: 'unknown field "spec.priority"' },
  },
  {
    mistake: 'a field of a section that does not exist',
    spec: withSpec({ telemetry: { session: 1 } }),
    check: 'there is no field "session" in spec.telemetry; write sessionIds or captureContent, or remove it',
    cluster: { by: 'strict clients', says: 'unknown field "spec.telemetry.session"' },
  },
  {
    mistake: 'a field left out that must be there',
    spec: { providers: [{ name: 'a' }] },
    check:
      'url is missing. Address with its base path, such as https://api.openai.com/v1: /responses is added to it.',
    cluster: refusedWith('spec.providers[0].url: Required value'),
  },
  {
    mistake: 'text where a list belongs',
    spec: withSpec({ hostnames: 'example.com' }),
    check: 'hostnames must be a list, not text; begin each entry with a hyphen',
    cluster: refusedWith(
      'spec.hostnames: Invalid value: "string": spec.hostnames in body must be of type array: "string"',
    ),
  },
  {
    mistake: 'text where a map belongs',
    spec: withSpec({ limits: 'many' }),
    check: 'limits must be a map of fields, not text',
    cluster: refusedWith(
      'spec.limits: Invalid value: "string": spec.limits in body must be of type object: "string"',
    ),
  },
  {
    mistake: 'a number in quotes',
    spec: withProvider({ priority: '2' }),
    check: 'priority must be a whole number; write 2 without quotes',
    cluster: refusedWith('spec.providers[0].priority in body must be of type integer: "string"'),
  },
  {
    mistake: 'a number that is not whole',
    spec: withProvider({ priority: 1.5 }),
    check: 'priority must be a whole number, not 1.5',
    cluster: refusedWith('spec.providers[0].priority in body must be of type integer: "number"'),
  },
  {
    mistake: 'a number or truth value where text belongs',
    spec: withProvider({ query: [{ name: 'version', value: 2026 }] }),
    check: 'value must be text; write "2026" in quotes',
    cluster: refusedWith('spec.providers[0].query[0].value in body must be of type string: "integer"'),
  },
  {
    mistake: 'an empty field that has a default',
    spec: withProvider({ auth: null }),
    check: 'auth is empty; write a value or remove the line',
    cluster: { by: 'nobody', because: 'the default counts' },
  },
  {
    mistake: 'an empty field without a default',
    spec: withSpec({ limits: { maxConnections: null } }),
    check: 'maxConnections is empty; write a value or remove the line',
    cluster: { by: 'nobody', because: 'it counts as not written' },
  },
  {
    mistake: 'empty text',
    spec: { providers: [{ name: 'a', url: '' }] },
    check: 'url is empty; write a value or remove the line',
    cluster: refusedWith('spec.providers[0].url in body should be at least 1 chars long'),
  },
  {
    mistake: 'text that is too long',
    spec: withSpec({ bridgeName: 'a'.repeat(64) }),
    check: 'bridgeName is longer than 63 characters; write less',
    cluster: refusedWith('spec.bridgeName: Too long: may not be more than 63 bytes'),
  },
  {
    mistake: 'a word that is none of those known',
    spec: withSpec({ clients: { webSocket: 'enabled' } }),
    check: 'webSocket cannot be "enabled"; write Enabled or Disabled; did you mean Enabled?',
    cluster: refusedWith(
      'spec.clients.webSocket: Unsupported value: "enabled": supported values: "Enabled", "Disabled"',
    ),
  },
  {
    mistake: 'a number that is too small',
    spec: withSpec({ timeouts: { idleSeconds: 0 } }),
    check: 'idleSeconds is too small; write 1 or more',
    cluster: refusedWith('spec.timeouts.idleSeconds in body should be greater than or equal to 1'),
  },
  {
    mistake: 'a number that is too large',
    spec: withSpec({ timeouts: { connectSeconds: 301 } }),
    check: 'connectSeconds is too large; write 300 or less',
    cluster: refusedWith('spec.timeouts.connectSeconds in body should be less than or equal to 300'),
  },
  {
    mistake: 'a list that needs an entry and has none',
    spec: { providers: [] },
    check: 'providers has no entry; write at least 1',
    cluster: refusedWith('spec.providers in body should have at least 1 items'),
  },
  {
    mistake: 'a list with too many entries',
    spec: withSpec({ hostnames: Array.from({ length: 17 }, (_, index) => `h${index}.example.com`) }),
    check: 'hostnames has more than 16 entries; write fewer, or use a second route',
    cluster: refusedWith('spec.hostnames: Too many: 17: must have at most 16 items'),
  },
  {
    mistake: 'another version of the format',
    apiVersion: 'turnbridge.dev/v1',
    spec: withSpec({}),
    check: 'apiVersion cannot be "turnbridge.dev/v1"; write turnbridge.dev/v1alpha1',
    cluster: refusedWith('no matches for kind "ResponsesRoute" in version "turnbridge.dev/v1"'),
  },
  {
    mistake: 'a name of the route that no object can have',
    metadata: { name: 'Coding' },
    spec: withSpec({}),
    check:
      'name must be the name of a Kubernetes object: lower-case letters, digits, hyphens and dots; write coding',
    cluster: refusedWith(
      'metadata.name: Invalid value: "Coding": a lowercase RFC 1123 subdomain must consist of',
    ),
  },
  {
    mistake: 'metadata left out',
    metadata: {},
    spec: withSpec({}),
    check: 'name is missing. Name of the route.',
    cluster: refusedWith('name or generateName is required'),
  },
];
