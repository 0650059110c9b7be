import { createHash } from 'node:crypto';

/**
 * Names an installation of the operator when nobody named it: who shares a Lease for the same Secret and bridge are
 * replicas of one installation, whoever does not is another one. 15 characters, the same after every restart.
 */
export function installationIdOf(about: {
  /** `namespace/name`, as the two below. */
  readonly lease: string;
  readonly snapshotSecret: string;
  readonly bridgeName: string;
}): string {
  const text = JSON.stringify([about.lease, about.snapshotSecret, about.bridgeName]);
  return `tb-${createHash('sha256').update(text).digest('hex').slice(0, 12)}`;
}
