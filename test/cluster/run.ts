/**
 * `npm run test:cluster [-- PATTERN…]`: the tests of this folder, with a real control plane that this brings up and
 * ends. With KUBECONFIG set, a test cluster of the user's own instead. `-- --exec COMMAND…` runs that in place of the
 * tests: `npm run test:cluster -- --exec bash`, and kubectl's KUBECONFIG is set.
 */
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureClients } from '../clients/ensure-clients.ts';
import { ensureProgram, findProgram } from '../harness/debian-packages.ts';
import { ensureControlPlane, type ControlPlaneBinaries } from './binaries.ts';
import { makeCertificates } from './certificates.ts';
import { openControlPlane } from './control-plane.ts';
import { applyCrd } from './crd.ts';
import { kubectlAt } from './kubectl.ts';
import type { RunPlace } from './run-place.ts';
import { runIn, runSuite, type OpenedSuite, type Suite } from './run-suite.ts';
import { ensureSandboxPrograms, furnishSandbox, sandboxAddresses } from './sandbox.ts';

const help = `npm run test:cluster                      all tests of test/cluster, on a control plane that this brings up and ends
npm run test:cluster -- PATTERN…          those whose file matches, with the options that jest has
npm run test:cluster -- --exec COMMAND…   runs that instead, with KUBECONFIG set and the CRD applied; with bash, a shell

With KUBECONFIG set, a test cluster of yours is used instead; tests that stop or freeze a control plane are skipped.
Needs Linux with user namespaces, and Go 1.26 the first time: etcd and Kubernetes are compiled once (CONTRIBUTING.md).`;

/** At most so much of memory: etcd's data and the logs of a run are tens of megabytes. */
const folderSize = '1g';

const suite: Suite<ControlPlaneBinaries, RunPlace> = {
  name: 'test:cluster',
  file: import.meta.filename,
  help,
  jestConfigs: [join(import.meta.dirname, 'jest.config.json')],
  maxRunMs: 60 * 60_000, // several times what all test files take
  async prepare() {
    await ensureSandboxPrograms();
    await ensureProgram('openssl', 'openssl');
    await ensureClients(); // for the tests with the real Codex CLI
    return ensureControlPlane();
  },
  open: openPlace,
  withOwnCluster,
};

await runSuite(suite, process.argv.slice(2));

async function openPlace(binaries: ControlPlaneBinaries, folder: string): Promise<OpenedSuite<RunPlace>> {
  await furnishSandbox(folder, folderSize);
  const [address = ''] = sandboxAddresses;
  const certificates = await makeCertificates(join(folder, 'pki'), [address]);
  const plane = await openControlPlane({
    binaries,
    certificates,
    folder: join(folder, 'shared'),
    address,
    controllers: true,
  });
  await symlink(binaries.kube, join(folder, 'kubectl'));
  const place: RunPlace = {
    kubeconfigPath: plane.kubeconfigPath,
    kubectl: join(folder, 'kubectl'),
    folder,
    addresses: sandboxAddresses,
    own: { binaries, certificates },
  };
  await applyCrd(kubectlAt(place));
  return { place, [Symbol.asyncDispose]: () => plane.close() };
}

/** Nothing of ours is started, and nothing is ended but what tests have made. */
async function withOwnCluster(kubeconfigPath: string, words: readonly string[]): Promise<number> {
  const kubectl = await findProgram('kubectl');
  if (kubectl === undefined) throw new Error('KUBECONFIG is set, and there is no `kubectl` on the PATH');
  const own = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address);
  const folder = await mkdtemp(join(tmpdir(), 'turnbridge-cluster-'));
  const place: RunPlace = { kubeconfigPath, kubectl, folder, addresses: own };
  const write = (line: string): void => void process.stderr.write(`${line}\n`);
  try {
    const asAdmin = kubectlAt(place);
    const { stdout } = await asAdmin.run(['config', 'current-context']);
    write(`test:cluster: KUBECONFIG is set: these tests write to the cluster of context ${stdout.trim()}`);
    write(
      'test:cluster: tests that kill, freeze or compact a control plane are skipped: that one is not theirs',
    );
    await applyCrd(asAdmin);
    return await runIn(suite, { place }, words);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
