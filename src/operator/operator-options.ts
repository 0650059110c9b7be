/** What an operator is started with, and what its owner has of it. */
import type { KubeClient } from '../kube/kube-client.ts';
import type { KubeFacts } from '../kube/kube-facts.ts';
import type { LeaseTimes } from '../kube/lease-decision.ts';
import type { Log } from '../telemetry/log/log.ts';

export interface OperatorOptions {
  /** Opens the way to the API server; the operator closes it. */
  readonly openClient: (facts: KubeFacts) => Promise<KubeClient>;
  readonly bridgeName: string;
  readonly snapshotSecret: { readonly namespace: string; readonly name: string };
  /** Undefined: all. */
  readonly namespaces: readonly string[] | undefined;
  readonly sidecars: { readonly bridgeName: string; readonly namespaces: readonly string[] };
  /** ServiceAccount that owns the snapshot Secret of its namespace, and the Lease; undefined: nothing is owned. */
  readonly ownerServiceAccount: string | undefined;
  /** Service beside the snapshot Secret, to whose provider a route `demo` is made; undefined: none is. */
  readonly demoProvider: string | undefined;
  /** Name of the Lease, in the namespace of the snapshot Secret. */
  readonly lease: string;
  /** This process, among those that contend for the Lease. */
  readonly identity: string;
  /** The same for all of them. */
  readonly installation: string;
  readonly opsListen: { readonly host: string; readonly port: number };
  readonly log: Log;
  readonly version: string;
  readonly nodeVersion: string;
  readonly revision: string | undefined;
  /** Where tests cannot wait as long as a cluster should. */
  readonly times?: OperatorTimes;
}

export interface OperatorTimes {
  readonly lease?: LeaseTimes;
  /** How long a namespace that cannot be read is waited for. */
  readonly readableWithinMs?: number;
  /** How long what was read is relied on while the API server refuses to renew it. */
  readonly staleAfterMs?: number;
  /** Between two looks whether the snapshot Secret is still what was written. */
  readonly lookAgainMs?: number;
}

/** One that runs. */
export interface Operator {
  readonly opsAddress: string;
  readonly opsPort: number;
  readonly isLeader: boolean;
  /** Resolves when the Lease was lost: nothing is written any more, and the process should end. */
  readonly lost: Promise<void>;
  /** Ends what runs, gives the Lease back, closes everything. May be called twice. */
  close(): Promise<void>;
}
