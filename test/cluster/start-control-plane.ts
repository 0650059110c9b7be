/** A control plane of a test's own, to be killed, frozen and compacted. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { test } from '@jest/globals';
import { openControlPlane, type ControlPlane } from './control-plane.ts';
import { kubectlAt, type KubectlOptions, type KubectlResult } from './kubectl.ts';
import { applyCrd } from './crd.ts';
import { runPlace } from './run-place.ts';

export interface OwnControlPlane extends ControlPlane {
  kubectl(args: readonly string[], options?: KubectlOptions): Promise<KubectlResult>;
}

export interface StartOptions {
  /** Applied unless false. */
  readonly crd?: boolean;
  /** Also the controllers: namespaces that end, aggregated roles, owners, service accounts. Not by default. */
  readonly controllers?: boolean;
  /** More flags for the API server. */
  readonly apiServerFlags?: readonly string[];
}

/**
 * `test` for tests that need {@link startControlPlane}; against a user's own cluster they are skipped, which jest
 * reports, for this one reason: nobody may kill a part of that.
 */
export const testWithFaults: typeof test = runPlace().own === undefined ? (test.skip as typeof test) : test;

/**
 * Starts an etcd and an API server (about 4 s, 400 MB). Owned by the caller: `await using`, or `close()`.
 * @throws Error against a user's own cluster: begin such tests with {@link testWithFaults}.
 */
export async function startControlPlane(options: StartOptions = {}): Promise<OwnControlPlane> {
  const { own, folder, addresses, kubectl: program } = runPlace();
  if (own === undefined)
    throw new Error('a control plane of its own is not possible in a run with KUBECONFIG');
  const plane = await openControlPlane({
    ...own,
    folder: join(folder, `own-${randomBytes(4).toString('hex')}`),
    address: addresses[0] ?? '',
    controllers: options.controllers === true,
    ...(options.apiServerFlags === undefined ? {} : { apiServerFlags: options.apiServerFlags }),
  });
  const kubectl = kubectlAt({ kubectl: program, kubeconfigPath: plane.kubeconfigPath, folder });
  try {
    if (options.crd !== false) await applyCrd(kubectl);
  } catch (error) {
    await plane.close();
    throw error;
  }
  return { ...plane, kubectl: (args, given) => kubectl.run(args, given) };
}
