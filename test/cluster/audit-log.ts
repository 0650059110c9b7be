/**
 * What an API server says was written to it, by whom, in which order. Each process has a token of its own, and the
 * server tells them apart by that: what a process says of itself is not asked.
 */
import { readFile } from 'node:fs/promises';
import type { ApiObject } from './api.ts';

/** For `--audit-policy-file`: writes of what operators write, with what is stored then. */
export const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    {
      level: 'RequestResponse',
      verbs: ['create', 'update', 'patch', 'delete'],
      resources: [
        { group: '', resources: ['secrets'] },
        { group: 'coordination.k8s.io', resources: ['leases'] },
        { group: 'turnbridge.dev', resources: ['responsesroutes/status'] },
      ],
    },
    { level: 'None' },
  ],
};

export function auditFlags(policy: string, log: string): readonly string[] {
  // each line is in the file before its request is answered
  return [`--audit-policy-file=${policy}`, `--audit-log-path=${log}`, '--audit-log-mode=blocking-strict'];
}

export interface AuditedWrite {
  /** Of the token; see {@link tokenIdOf}. */
  readonly tokenId: string;
  readonly kind: 'lease' | 'snapshot' | 'status';
  readonly namespace: string;
  readonly name: string;
  /** HTTP. */
  readonly code: number;
  /** When it was answered; milliseconds since 1970. */
  readonly atMs: number;
  /** Of what is stored after it; one count for all objects of an etcd. Undefined: it was refused. */
  readonly revision: number | undefined;
  /** Of a Lease: whose it is after it. */
  readonly holder: string | undefined;
}

interface AuditLine {
  readonly verb: string;
  readonly user: { readonly extra?: Readonly<Record<string, readonly string[]>> };
  readonly objectRef: { readonly resource: string; readonly namespace?: string; readonly name?: string };
  readonly responseStatus?: { readonly code?: number };
  readonly stageTimestamp: string;
  readonly responseObject?: ApiObject & {
    readonly type?: string;
    readonly spec?: { readonly holderIdentity?: string };
  };
}

const kinds: Readonly<Record<string, AuditedWrite['kind']>> = {
  leases: 'lease',
  secrets: 'snapshot',
  responsesroutes: 'status',
};

export class AuditLog {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** By service accounts, in the order in which etcd took them; what was refused comes first. Only of one namespace. */
  async writes(namespace: string): Promise<readonly AuditedWrite[]> {
    const lines = (await readFile(this.#path, 'utf8')).split('\n').slice(0, -1);
    return lines
      .map((line) => toWrite(JSON.parse(line) as AuditLine))
      .filter((write) => write.tokenId !== '' && write.namespace === namespace)
      .sort((a, b) => (a.revision ?? 0) - (b.revision ?? 0));
  }
}

function toWrite({
  user,
  objectRef,
  responseStatus,
  stageTimestamp,
  responseObject,
}: AuditLine): AuditedWrite {
  const code = responseStatus?.code ?? 0;
  const isStored = code >= 200 && code < 300;
  return {
    tokenId: user.extra?.['authentication.kubernetes.io/credential-id']?.[0] ?? '',
    kind: kinds[objectRef.resource] ?? 'status',
    namespace: objectRef.namespace ?? '',
    name: objectRef.name ?? '',
    code,
    atMs: Date.parse(stageTimestamp),
    revision: isStored ? Number(responseObject?.metadata.resourceVersion) : undefined,
    holder: isStored ? responseObject?.spec?.holderIdentity : undefined,
  };
}

/** How the API server calls the token in a kubeconfig. */
export async function tokenIdOf(kubeconfig: string): Promise<string> {
  const token = /"?token"?: "?([\w-]+\.[\w-]+\.[\w-]+)/.exec(await readFile(kubeconfig, 'utf8'))?.[1] ?? '';
  const claims = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8');
  return `JTI=${(JSON.parse(claims) as { jti: string }).jti}`;
}

/**
 * Writes that were not the holder's of the Lease when they were stored; none is what must be found. Strict: a Lease is
 * no fence, and a request that was sent in time may be stored later; in these tests none may.
 * @param replicas Whose processes contended.
 */
export function strayWrites(
  writes: readonly AuditedWrite[],
  replicas: readonly { readonly tokenId: string; readonly identities: readonly string[] }[],
): readonly string[] {
  const tokenOf = new Map(
    replicas.flatMap(({ tokenId, identities }) => identities.map((each) => [each, tokenId])),
  );
  const strays: string[] = [];
  let holder = '';
  for (const { kind, tokenId, revision, name, ...write } of writes) {
    if (revision === undefined) continue;
    if (kind === 'lease') holder = name === 'turnbridge-operator' ? (write.holder ?? '') : holder;
    else if (tokenOf.get(holder) !== tokenId)
      strays.push(`${kind} ${name} at ${String(revision)} by ${tokenId}, while "${holder}" held the Lease`);
  }
  return strays;
}
