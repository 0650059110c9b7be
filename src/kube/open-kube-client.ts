/** The client of the operator, with the identity that its surroundings give it. */
import { kubeClock } from './kube-clock.ts';
import type { KubeClock } from './kube-clock.ts';
import type { KubeClient } from './kube-client.ts';
import { createKubeClient } from './kube-client.ts';
import type { KubeFacts } from './kube-facts.ts';
import { KubeconfigCredentials } from './kubeconfig-credentials.ts';

export interface OpenKubeClientOptions {
  /** Path of a kubeconfig, or several as in KUBECONFIG. Without it the service account of this pod. */
  readonly kubeconfig?: string | undefined;
  /** Of that kubeconfig; its current one by default. */
  readonly context?: string | undefined;
  /** Put in front of the service account's folder, in tests. */
  readonly podRoot?: string | undefined;
  readonly facts: KubeFacts;
  readonly userAgent: string;
  readonly clock?: KubeClock | undefined;
}

/**
 * Reads the credentials once, to say at start what is wrong with them; asks the API server nothing.
 * @throws Error with a sentence: no such file or context, not in a pod
 */
export async function openKubeClient(options: OpenKubeClientOptions): Promise<KubeClient> {
  const { kubeconfig, context, podRoot, facts, userAgent, clock = kubeClock } = options;
  const credentials = new KubeconfigCredentials(
    kubeconfig === undefined ? { kind: 'pod', root: podRoot } : { kind: 'file', path: kubeconfig, context },
    clock,
  );
  await credentials.current();
  return createKubeClient({ credentials, facts, userAgent, clock });
}
