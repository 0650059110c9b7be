/** A cluster of a test file's own, whose control plane may be killed, frozen and made to refuse. */
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AuditLog, auditFlags, auditPolicy } from './audit-log.ts';
import { runPlace } from './run-place.ts';
import { startControlPlane, type OwnControlPlane, type StartOptions } from './start-control-plane.ts';
import { openCluster, type Cluster } from './use-cluster.ts';

/** Closes everything; what stages on it started has to be closed before. */
export interface OwnCluster extends AsyncDisposable {
  readonly plane: OwnControlPlane;
  /** For `openStage`. */
  readonly cluster: Cluster;
  /** What operators wrote, as the API server saw it. */
  readonly audit: AuditLog;
  close(): Promise<void>;
}

/** @throws Error as {@link startControlPlane} does. */
export async function openOwnCluster(options: StartOptions = {}): Promise<OwnCluster> {
  const place = runPlace();
  const folder = join(place.folder, `audit-${randomBytes(4).toString('hex')}`);
  await mkdir(folder);
  const policy = join(folder, 'policy.json');
  const log = join(folder, 'audit.log');
  await writeFile(policy, JSON.stringify(auditPolicy));
  await writeFile(log, '');
  const plane = await startControlPlane({
    ...options,
    apiServerFlags: [...(options.apiServerFlags ?? []), ...auditFlags(policy, log)],
  });
  const opened = openCluster({ ...place, kubeconfigPath: plane.kubeconfigPath });
  const close = async (): Promise<void> => {
    await opened.close();
    await plane.close();
  };
  return {
    plane,
    cluster: opened.cluster,
    audit: new AuditLog(log),
    close,
    [Symbol.asyncDispose]: close,
  };
}
