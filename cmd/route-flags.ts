/** Where routes come from: files, or snapshots of an operator. */
import type { env as processEnv } from 'node:process';
import type { RouteOrigin } from '../src/bridge.ts';
import { inClusterAccess, type KubeAccess } from '../src/config/in-cluster.ts';
import { UsageError } from './exits.ts';
import type { ROUTE_FLAGS } from './route-flag-table.ts';

type RouteFlag = keyof typeof ROUTE_FLAGS;

interface FlagReader {
  /** What was given, or the default. */
  readonly text: (name: RouteFlag) => string;
  /** The flag or the variable by which it was given. */
  readonly named: (name: RouteFlag) => string;
}

/** Kubernetes' names of namespaces and of Secrets. */
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const SECRET = /^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/;

/** @throws UsageError unless exactly one kind of source is named, wholly */
export function parseRouteOrigin({ text, named }: FlagReader, env: typeof processEnv): RouteOrigin {
  const secretText = text('snapshot-secret');
  const secret = secretText === '' ? undefined : parseSecretName(secretText, named('snapshot-secret'));
  const given = (['snapshot-secret', 'snapshot-dir'] as const).filter((name) => text(name) !== '');
  const [first] = given;
  const about = (['kube-api', 'kube-credentials'] as const).find((name) => text(name) !== '');
  if (about !== undefined && secret === undefined) {
    throw new UsageError(
      `${named(about)} is for the watch on a Secret: write --snapshot-secret NAMESPACE/NAME too`,
    );
  }
  if (text('routes') !== '') {
    if (first === undefined) return { kind: 'files', path: text('routes'), env };
    throw new UsageError(
      `${named('routes')} and ${named(first)} are two sources of routes: write --routes PATH for files, or the snapshot's flags for what an operator writes`,
    );
  }
  if (first === undefined) {
    throw new UsageError(
      '--routes is missing: write --routes PATH for route files, or --snapshot-secret NAMESPACE/NAME for what an operator writes',
    );
  }
  const folder = text('snapshot-dir');
  return {
    kind: 'snapshots',
    folder: folder === '' ? undefined : folder,
    watched: secret && { secret, access: parseAccess({ text, named }, env) },
  };
}

function parseSecretName(text: string, name: string): { readonly namespace: string; readonly name: string } {
  const [namespace = '', secret = '', ...more] = text.split('/');
  if (!NAMESPACE.test(namespace) || !SECRET.test(secret) || more.length > 0) {
    throw new UsageError(
      `${name} is NAMESPACE/NAME of a Secret, not "${text}": such as ai/turnbridge-snapshot`,
    );
  }
  return { namespace, name: secret };
}

function parseAccess({ text, named }: FlagReader, env: typeof processEnv): KubeAccess {
  const url = text('kube-api');
  const credentials = text('kube-credentials');
  if (url !== '') {
    if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) {
      throw new UsageError(`${named('kube-api')} is the address of an API server: write https://HOST:PORT`);
    }
    const { username, password, search, hash } = new URL(url);
    if (username + password + search + hash !== '') {
      throw new UsageError(
        `${named('kube-api')} holds more than an address: write https://HOST:PORT, and the token into a file of --kube-credentials`,
      );
    }
    if (/^http:/i.test(url) && credentials !== '') {
      throw new UsageError(
        `${named('kube-api')} would carry the token of ${named('kube-credentials')} in clear: write https://HOST:PORT, or leave the token to kubectl proxy`,
      );
    }
    return { url, credentials: credentials === '' ? undefined : credentials };
  }
  const told = inClusterAccess(env);
  if (told === undefined) {
    throw new UsageError(
      `${named('snapshot-secret')} needs an API server, and this is no pod (KUBERNETES_SERVICE_HOST is not set): write --kube-api URL, such as http://127.0.0.1:8001 with kubectl proxy`,
    );
  }
  return credentials === '' ? told : { ...told, credentials };
}
