/** What `run.ts` of this folder tells its tests, beyond what those of test/cluster are told. */
import { runPlace, type RunPlace } from '../cluster/run-place.ts';

export interface NodePlace extends RunPlace {
  readonly nodes: readonly NodeFacts[];
  /** The product's image, which both nodes have. */
  readonly image: string;
  /** The archive that it came from. */
  readonly imageArchive: string;
  readonly helm: HelmPrograms;
  /** Where logs of the cluster's own parts are: `kubelet-node1.log`. */
  readonly logFolder: string;
}

export interface NodeFacts {
  readonly name: string;
  /** IPv4. */
  readonly address: string;
  /** For `ctr -a`. */
  readonly containerdSocket: string;
}

/** Programs, by major version. */
export type HelmPrograms = Readonly<Record<HelmVersion, string>>;
export type HelmVersion = 3 | 4;

/** @throws Error when the tests were not started by `npm run test:chart`. */
export function nodePlace(): NodePlace {
  const place = process.env['TURNBRIDGE_TEST_CLUSTER'] === undefined ? undefined : runPlace();
  if (place === undefined || !('nodes' in place)) {
    throw new Error('these tests need a node: start them with `npm run test:chart -- PATTERN`');
  }
  return place as NodePlace;
}
