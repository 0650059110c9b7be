/** Where the API server is, and who we are to it: as Kubernetes tells every pod, or as flags say. */
import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import type { Environment } from './variables.ts';

/** Where Kubernetes mounts what a pod needs. */
const SERVICE_ACCOUNT_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Tokens are some kilobytes, bundles of authorities some hundred. */
const MAX_CREDENTIAL_BYTES = 1024 * 1024;

/** How to reach an API server. */
export interface KubeAccess {
  /** `https://10.96.0.1:443`; may have a path, below which the API lies. */
  readonly url: string;
  /** Holds `token` and `ca.crt`; undefined: no token, and the system's authorities (a local proxy). */
  readonly credentials: string | undefined;
}

/** What a pod is told; undefined outside of a cluster. */
export function inClusterAccess(env: Environment): KubeAccess | undefined {
  const host = env['KUBERNETES_SERVICE_HOST'];
  if (host === undefined || host === '') return undefined;
  const port = env['KUBERNETES_SERVICE_PORT'] || '443';
  return {
    url: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    credentials: SERVICE_ACCOUNT_FOLDER,
  };
}

/** What goes with a request. */
export interface KubeCredentials {
  readonly token: string | undefined;
  /** PEM; undefined: the system's. */
  readonly authorities: string | undefined;
}

/**
 * Reads them anew: tokens live for an hour and are replaced before that, authorities for years.
 * @throws Error with a sentence that names the file, never its content
 */
export async function readKubeCredentials({ credentials }: KubeAccess): Promise<KubeCredentials> {
  if (credentials === undefined) return { token: undefined, authorities: undefined };
  const [token, authorities] = await Promise.all([
    readCredential(join(credentials, 'token')),
    readCredential(join(credentials, 'ca.crt')),
  ]);
  // what no header can hold would be refused with the header's value in the message
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Error(`${join(credentials, 'token')} holds no token`);
  return { token, authorities };
}

async function readCredential(path: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const code =
      typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'no code';
    throw new Error(
      `${path} cannot be read (${code}); mount the service account's token, or name another folder`,
      {
        cause: error,
      },
    );
  }
  if (bytes.length > MAX_CREDENTIAL_BYTES) throw new Error(`${path} is too large for what it should be`);
  return bytes.toString('utf8').trim();
}
