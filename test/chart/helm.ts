/** The real Helm, as users type it. */
import { join } from 'node:path';
import { mustRun } from '../harness/run-command.ts';
import { nodePlace, type HelmVersion } from './node-place.ts';

/** Where Helm keeps what it learns: below a folder of the run, not in the user's home. */
export function helmEnvironment(folder: string): Readonly<Record<string, string>> {
  return {
    HELM_CACHE_HOME: join(folder, 'helm-home/cache'),
    HELM_CONFIG_HOME: join(folder, 'helm-home/config'),
    HELM_DATA_HOME: join(folder, 'helm-home/data'),
    HELM_PLUGINS: join(folder, 'helm-home/plugins'),
  };
}

export interface HelmOptions {
  /** 4 by default. */
  readonly version?: HelmVersion;
  /** Five minutes by default, which is Helm's own for `--wait`. */
  readonly timeoutMs?: number;
}

/** `helm(['install', …])`. @returns its standard output. @throws Error with what it printed, unless it ended with 0. */
export function helm(
  args: readonly string[],
  { version = 4, timeoutMs = 310_000 }: HelmOptions = {},
): Promise<string> {
  return mustRun(nodePlace().helm[version], args, { timeoutMs });
}
