/** A release of the chart on the real cluster. */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { helm } from './helm.ts';
import { nodePlace, type HelmVersion } from './node-place.ts';

/** The folder that users install from. */
export const chartFolder = join(import.meta.dirname, '../../charts/turnbridge');

export interface InstallOptions {
  readonly namespace: string;
  /** Over {@link testValues}: routes need `spec.bridgeName`, the namespace unless these say another. */
  readonly values?: object;
  /** `turnbridge` by default: then objects are called just that. */
  readonly release?: string;
  /** Of Helm: 4 by default. */
  readonly version?: HelmVersion;
  /** Until all pods are ready; true by default. */
  readonly wait?: boolean;
  /** More words for the command line. */
  readonly flags?: readonly string[];
}

export interface Release {
  readonly name: string;
  readonly namespace: string;
  /** `turnbridge`, or RELEASE-turnbridge: the name of the bridge's objects, and what others begin with. */
  readonly fullName: string;
  /** `http://NAME.NAMESPACE.svc.cluster.local`, without a slash: tests and pods reach the bridge there. */
  readonly serviceUrl: string;
  /** @param values all of them, over {@link testValues}: nothing is kept of those before. */
  upgrade(values?: object, flags?: readonly string[]): Promise<string>;
  /** @param revision the one before by default. */
  rollback(revision?: number): Promise<string>;
  /** `helm test`. @returns what it printed, with the log of the test's pod. */
  test(): Promise<string>;
  /** Waits until its objects are gone. May be called twice. */
  uninstall(): Promise<void>;
}

/**
 * What every test needs: the image that the nodes have, the CRD as it is there, and a bridge name of its own. Operators
 * read the routes of all namespaces: under one name, releases side by side would serve each other's.
 */
export function testValues(namespace: string): object {
  const [, repository = '', tag = ''] = /^localhost\/(.+):(.+)$/.exec(nodePlace().image) ?? [];
  return {
    image: { registry: 'localhost', repository, tag, pullPolicy: 'Never' },
    crds: { enabled: false }, // one release alone may own it; the run has applied it
    bridge: { bridgeName: namespace },
  };
}

const timeoutFlag = '--timeout=180s';

/**
 * `helm install` (two or three seconds until both pods are ready, on a quiet machine).
 * @throws Error with what Helm printed.
 */
export async function install(options: InstallOptions): Promise<Release> {
  const { namespace, release = 'turnbridge', version = 4, wait = true, flags = [] } = options;
  const run = (args: readonly string[]): Promise<string> =>
    helm([...args, `--namespace=${namespace}`], { version });
  const waiting = wait ? ['--wait', timeoutFlag] : [];
  const files = (values: object = {}): Promise<readonly string[]> => valueFlags(namespace, values);
  await run(['install', release, chartFolder, ...(await files(options.values)), ...waiting, ...flags]);
  const fullName = release.includes('turnbridge') ? release : `${release}-turnbridge`;
  let isInstalled = true;
  return {
    name: release,
    namespace,
    fullName,
    serviceUrl: `http://${fullName}.${namespace}.svc.cluster.local`,
    async upgrade(values, more = []) {
      return run(['upgrade', release, chartFolder, ...(await files(values)), ...waiting, ...more]);
    },
    rollback: (revision) =>
      run(['rollback', release, ...(revision === undefined ? [] : [String(revision)]), ...waiting]),
    test: () => run(['test', release, timeoutFlag]),
    async uninstall() {
      if (!isInstalled) return;
      isInstalled = false;
      await run(['uninstall', release, '--wait', timeoutFlag]);
    },
  };
}

/** @returns `--values` twice: those of every test, and those given. */
async function valueFlags(namespace: string, values: object): Promise<readonly string[]> {
  const flags: string[] = [];
  for (const each of [testValues(namespace), values]) {
    const path = join(nodePlace().folder, `values-${randomBytes(6).toString('hex')}.json`);
    await writeFile(path, JSON.stringify(each));
    flags.push(`--values=${path}`);
  }
  return flags;
}
