/** Certificates for a host that only they themselves vouch for. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mustRun } from '../harness/run-command.ts';

/** PEM. */
export interface Pair {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate for one host, signed by itself: it is its own authority. Good for two days. */
export async function selfSigned(host: string): Promise<Pair> {
  const folder = await mkdtemp(join(tmpdir(), 'turnbridge-pair-'));
  const [certificate, key] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
  try {
    const words = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -batch'.split(' ');
    const name = ['-subj', '/CN=turnbridge test', '-addext', `subjectAltName=DNS:${host}`];
    await mustRun('openssl', words.concat(name, '-out', certificate, '-keyout', key));
    return { certificate: await readFile(certificate, 'utf8'), key: await readFile(key, 'utf8') };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A Secret of type kubernetes.io/tls with it, and the authority beside it. */
export function tlsSecret(name: string, { certificate, key }: Pair): object {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { name },
    stringData: { 'tls.crt': certificate, 'tls.key': key, 'ca.crt': certificate },
  };
}
