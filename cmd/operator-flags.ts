/** Reads the flags of `turnbridge operator`: what each says, checked. */
import type { env as processEnv } from 'node:process';
import type { HostAndPort } from '../src/bridge.ts';
import { UsageError } from './exits.ts';
import { readFlags } from './flag-reader.ts';
import { OPERATOR_FLAGS, type OperatorFlagName } from './operator-flag-table.ts';

/** What the flags say, checked. */
export interface OperatorFlags {
  readonly bridgeName: string;
  readonly snapshotSecret: { readonly namespace: string; readonly name: string };
  /** Undefined: all. */
  readonly namespaces: readonly string[] | undefined;
  readonly sidecars: { readonly bridgeName: string; readonly namespaces: readonly string[] };
  readonly cluster:
    | { readonly kind: 'kubeconfig'; readonly path: string; readonly context: string | undefined }
    | { readonly kind: 'pod' };
  readonly lease: string;
  /** Undefined: the caller makes one. */
  readonly identity: string | undefined;
  /** Undefined: derived (src/operator/installation-id.ts). */
  readonly installationId: string | undefined;
  /** Undefined: nothing is owned. */
  readonly ownerServiceAccount: string | undefined;
  /** Name of a Service; undefined: no demo route. */
  readonly demoProvider: string | undefined;
  readonly opsListen: HostAndPort;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly logFormat: 'json' | 'text' | 'auto';
}

/** A DNS label: what namespaces are called, and bridges. */
const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
/** A DNS subdomain: what Secrets and Leases are called. */
const SUBDOMAIN = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
/** More than this is "all namespaces": each costs a list and a watch. */
const MAX_LISTED_NAMESPACES = 256;

/**
 * Reads flags, then the environment, then defaults. Undefined: help was asked for.
 * @throws UsageError, or a TypeError of parseArgs, with a sentence for the person.
 */
export function parseOperatorFlags(argv: string[], env: typeof processEnv): OperatorFlags | undefined {
  const flags = readFlags(OPERATOR_FLAGS, argv, env);
  if (flags === undefined) return undefined;
  const text = (name: OperatorFlagName): string => flags.text(name);
  const named = (name: OperatorFlagName): string => flags.named(name);
  const matching = (name: OperatorFlagName, pattern: RegExp, what: string): string => {
    if (!pattern.test(text(name)))
      throw new UsageError(`${named(name)} is ${what}, not "${text(name)}": write ${exampleOf(name)}`);
    return text(name);
  };
  const optional = (name: OperatorFlagName, pattern: RegExp, what: string): string | undefined =>
    text(name) === '' ? undefined : matching(name, pattern, what);
  const list = (name: OperatorFlagName): readonly string[] => namespaceList(text(name), named(name));
  const bridgeName = matching('bridge-name', LABEL, 'a DNS label');
  // the API server takes loopback providers for these names only (manifests/crd)
  const sidecarBridgeName = matching(
    'sidecar-bridge-name',
    /^sidecar(-[a-z0-9]([-a-z0-9]{0,53}[a-z0-9])?)?$/,
    'sidecar, or begins with sidecar-',
  );
  if (bridgeName === sidecarBridgeName) {
    throw new UsageError(
      `${named('bridge-name')} and ${named('sidecar-bridge-name')} are both ${bridgeName}: give them different names, each route belongs to one of the two`,
    );
  }
  const namespaces = list('namespaces');
  const snapshotSecret = secretAddress(text('snapshot-secret'), named('snapshot-secret'));
  const sidecarNamespaces = list('sidecar-namespaces');
  if (sidecarNamespaces.includes(snapshotSecret.namespace)) {
    throw new UsageError(
      `${named('sidecar-namespaces')} has ${snapshotSecret.namespace}, where the snapshot Secret of the bridges is, and that of sidecars has the same name: leave it out, or put the Secret of the bridges into a namespace of its own (${named('snapshot-secret')})`,
    );
  }
  const demoProvider = optional('demo-provider', LABEL, 'the name of a Service');
  const isDemoSeen = namespaces.length === 0 || namespaces.includes(snapshotSecret.namespace);
  if (demoProvider !== undefined && !isDemoSeen) {
    throw new UsageError(
      `${named('demo-provider')} makes a route in ${snapshotSecret.namespace}, and ${named('namespaces')} leaves that out: add it`,
    );
  }
  return {
    bridgeName,
    snapshotSecret,
    namespaces: namespaces.length === 0 ? undefined : namespaces,
    sidecars: { bridgeName: sidecarBridgeName, namespaces: sidecarNamespaces },
    cluster: clusterOf(text('kubeconfig'), text('context'), named('context'), env),
    lease: matching('lease', SUBDOMAIN, 'the name of an object'),
    identity: optional('identity', /^[\x21-\x7e]{1,253}$/, 'a word of at most 253 characters'),
    installationId: optional(
      'installation-id',
      /^[A-Za-z0-9._-]{1,64}$/,
      '1 to 64 characters of A-Z a-z 0-9 . _ -',
    ),
    ownerServiceAccount: optional('owner-service-account', SUBDOMAIN, 'the name of an object'),
    demoProvider,
    opsListen: flags.address('ops-listen'),
    logLevel: flags.oneOf('log-level', ['debug', 'info', 'warn', 'error']),
    logFormat: flags.oneOf('log-format', ['json', 'text', 'auto']),
  };
}

function exampleOf(name: OperatorFlagName): string {
  const fallback: string = OPERATOR_FLAGS[name].default ?? '';
  return fallback === '' ? 'turnbridge-1' : fallback;
}

function secretAddress(text: string, name: string): { namespace: string; name: string } {
  const [namespace = '', secret = '', ...rest] = text.split('/');
  if (rest.length > 0 || !LABEL.test(namespace) || !SUBDOMAIN.test(secret)) {
    throw new UsageError(`${name} is NAMESPACE/NAME, not "${text}": write turnbridge/turnbridge-snapshot`);
  }
  return { namespace, name: secret };
}

function namespaceList(text: string, name: string): readonly string[] {
  const names = [...new Set(text.split(',').map((each) => each.trim()))].filter((each) => each !== '');
  const wrong = names.find((each) => !LABEL.test(each));
  if (wrong !== undefined) {
    throw new UsageError(
      `${name} is a list of namespaces, and "${wrong}" cannot be one: write team-a,team-b`,
    );
  }
  if (names.length > MAX_LISTED_NAMESPACES) {
    throw new UsageError(
      `${name} has ${names.length} namespaces, and at most ${MAX_LISTED_NAMESPACES} are watched by one operator: watch all (leave --namespaces out), or run a second operator`,
    );
  }
  return names;
}

/** A kubeconfig only where it was asked for: what happens to be a person's current context may be a production cluster. */
function clusterOf(
  path: string,
  context: string,
  contextName: string,
  env: typeof processEnv,
): OperatorFlags['cluster'] {
  if (path !== '') return { kind: 'kubeconfig', path, context: context === '' ? undefined : context };
  if (context !== '')
    throw new UsageError(`${contextName} names a context of a kubeconfig: write --kubeconfig PATH too`);
  if ((env['KUBERNETES_SERVICE_HOST'] ?? '') === '') {
    throw new UsageError(
      'this is no pod of a cluster: write --kubeconfig PATH to say which cluster is meant',
    );
  }
  return { kind: 'pod' };
}
