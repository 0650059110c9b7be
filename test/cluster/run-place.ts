/** What `run.ts` tells the tests that it runs: an environment variable with JSON. */
import type { ControlPlaneBinaries } from './binaries.ts';
import type { Certificates } from './certificates.ts';

export interface RunPlace {
  /** Of an administrator of the cluster that all test files share. */
  readonly kubeconfigPath: string;
  /** The program. */
  readonly kubectl: string;
  /** What tests write goes below; gone after the run. */
  readonly folder: string;
  /** Addresses of this machine that are not loopback: for providers that a cluster's route may name. At least one. */
  readonly addresses: readonly string[];
  /** What further control planes are made of; absent in a run against a user's own cluster. */
  readonly own?: OwnCluster;
}

export interface OwnCluster {
  readonly binaries: ControlPlaneBinaries;
  readonly certificates: Certificates;
}

const variable = 'TURNBRIDGE_TEST_CLUSTER';

/** @throws Error when the tests were not started by `npm run test:cluster`. */
export function runPlace(): RunPlace {
  const text = process.env[variable];
  if (text === undefined) {
    throw new Error('these tests need a control plane: start them with `npm run test:cluster -- PATTERN`');
  }
  return JSON.parse(text) as RunPlace;
}

/** For the process that runs the tests. */
export function toEnvironment(place: RunPlace): NodeJS.ProcessEnv {
  return { ...process.env, KUBECONFIG: place.kubeconfigPath, [variable]: JSON.stringify(place) };
}
