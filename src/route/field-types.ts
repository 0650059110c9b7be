/**
 * The kinds of text that fields hold. Each has a length and a pattern, because the API server asks for both, and
 * a sentence for the person who wrote something else: a file check and a cluster say it in the same words.
 */
import { z } from 'zod';
import { saidOfPattern } from './cluster-meta.ts';

function text(maxLength: number, pattern: RegExp, sentence: string) {
  return z.string().max(maxLength).regex(pattern, sentence).meta(saidOfPattern(sentence));
}

/** RFC 1123 label: names of namespaces, bridges and providers. */
export function dnsLabel() {
  return text(
    63,
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
    'must be lower-case letters, digits and hyphens, such as my-name',
  );
}

/** RFC 1123 subdomain: names of Kubernetes objects. */
export function objectName() {
  return text(
    253,
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
    'must be the name of a Kubernetes object: lower-case letters, digits, hyphens and dots',
  );
}

/** The name of an entry in a Secret or ConfigMap. */
export function entryKey() {
  return text(
    253,
    /^[-._a-zA-Z0-9]+$/,
    'must be the name of an entry: letters, digits, hyphens, underscores and dots',
  );
}

/**
 * A header's name. Lower case only: validation never compares without regard to case, and every name is compared
 * somewhere.
 */
export function headerName() {
  return text(
    256,
    /^[a-z0-9!#$%&'*+.^_`|~-]+$/,
    'must be the name of a header in lower case, such as x-team',
  );
}

/** A header's value: visible ASCII with spaces or tabs between (RFC 9110 5.5, without obs-text). */
export function headerValue() {
  return text(
    4096,
    /^[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?$/,
    'must be visible ASCII without line breaks or outer spaces',
  );
}

/** What stands before a key in its header. */
export function keyPrefix() {
  return text(64, /^[\x20-\x7e]*$/, 'must be printable ASCII, such as "Bearer "');
}

/** The name of a query parameter. */
export function queryName() {
  return text(
    256,
    /^[A-Za-z0-9._~[\]-]+$/,
    'must be the name of a query parameter: letters, digits, dots, hyphens',
  );
}

/** A model's name, or a pattern of names: what may hold a wildcard is said by the rules (model-pattern.ts). */
export function modelPattern() {
  return text(256, /^\S+$/, 'must be a model name, or a pattern such as gpt-*, without spaces');
}

const HOSTNAME = /^(\*\.)?[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?(\.[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*$/;

/** `host.example.com` or `*.example.com`, as in the Gateway API; upper case is accepted and lowered. */
export function hostname() {
  return text(
    253,
    HOSTNAME,
    'must be a host name without scheme, port or path, such as codex.example.com or *.example.com',
  );
}

/** The same in a list that counts for any host when it is left out; other APIs write `*` for that. */
export function routeHostname() {
  return text(
    253,
    HOSTNAME,
    'must be a host name without scheme, port or path, such as codex.example.com or *.example.com; leave hostnames out for any host',
  );
}

/** A path such as `/v1`: begins with a slash, does not end in one; `/` alone is the root. */
export function basePath() {
  return text(
    256,
    /^(\/|(\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+)$/,
    'must be a path such as /v1, without a slash at the end, query or wildcard',
  );
}

/** A path below the base, exact, or everything below one: `/files/*`. */
export function relayPath() {
  return text(
    256,
    /^(\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+(\/\*)?$/,
    'must be a path such as /files, or /files/* for everything below it',
  );
}

/** What a browser sends as `Origin`: scheme, host and port, nothing behind. */
export function origin() {
  return text(
    512,
    /^[a-z][a-z0-9+.-]*:\/\/[^\s/*?#@A-Z]+$/,
    'must be an origin in lower case without a slash at the end, such as https://app.example.com',
  );
}
