/**
 * `npm run test:chart [-- PATTERN…]`: the tests of this folder, with a real cluster of two nodes that this brings up and
 * ends. `-- --exec COMMAND…` runs that in place of the tests.
 */
import { access, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ensureControlPlane,
  ensureNodeBinaries,
  type ControlPlaneBinaries,
  type NodeBinaries,
} from '../cluster/binaries.ts';
import { applyCrd } from '../cluster/crd.ts';
import { kubectlAt } from '../cluster/kubectl.ts';
import { runSuite, type OpenedSuite, type Suite } from '../cluster/run-suite.ts';
import { ensureSandboxPrograms, furnishSandbox, sandboxAddresses } from '../cluster/sandbox.ts';
import { ensureProgram } from '../harness/debian-packages.ts';
import { ensureJaeger } from '../observers/jaeger-build.ts';
import { ensureCodexImage } from './codex-image.ts';
import { removeControlGroups, removeStaleControlGroups } from './control-groups.ts';
import { foreignCrds } from './foreign-crds.ts';
import { ensureImage } from './image.ts';
import { helmEnvironment } from './helm.ts';
import { ensureIngressPrograms } from './ingress/programs.ts';
import type { NodePlace } from './node-place.ts';
import { ensureNodePrograms, furnishForNodes } from './nodes-sandbox.ts';
import { openNodes } from './open-nodes.ts';
import { writePauseImage } from './pause-image.ts';

/** Also of an archive that is named. */
const imageName = 'localhost/turnbridge:test';

const help = `npm run test:chart                      all tests of test/chart, on a cluster of two nodes that this brings up and ends
npm run test:chart -- PATTERN…          those whose file matches, with the options that jest has
npm run test:chart -- --exec COMMAND…   runs that instead, with kubectl, helm, helm3 and the image; with bash, a shell

TURNBRIDGE_TEST_IMAGE=PATH takes that archive in place of an image built now: a docker archive of ${imageName}.
Needs Linux, root, and Go 1.26 the first time: what a cluster consists of is compiled once (CONTRIBUTING.md).`;

/** At most so much of memory: images are unpacked there, once for each node. */
const folderSize = '8g';

interface Prepared {
  readonly binaries: ControlPlaneBinaries & NodeBinaries;
  readonly image: { readonly name: string; readonly path: string };
}

const suite: Suite<Prepared, NodePlace> = {
  name: 'test:chart',
  file: import.meta.filename,
  help,
  // an installation with its CRD needs a cluster that has none; all others share one CRD; those that drain a node come
  // when nobody has pods there any more
  jestConfigs: ['jest.install.json', 'jest.config.json', 'jest.alone.json'].map((name) =>
    join(import.meta.dirname, name),
  ),
  maxRunMs: 60 * 60_000,
  async prepare() {
    await ensureSandboxPrograms();
    await ensureProgram('openssl', 'openssl');
    await ensureNodePrograms();
    await ensureCodexImage();
    await ensureJaeger();
    await foreignCrds();
    await ensureIngressPrograms();
    const binaries = { ...(await ensureControlPlane()), ...(await ensureNodeBinaries()) };
    return { binaries, image: await imageToTest() };
  },
  open: openPlace,
  cleanUp: removeControlGroups,
};

await runSuite(suite, process.argv.slice(2));

/** The one of the Dockerfile as it stands, unless an archive is named. */
async function imageToTest(): Promise<Prepared['image']> {
  const path = process.env['TURNBRIDGE_TEST_IMAGE'] ?? '';
  if (path === '') return ensureImage();
  await access(path);
  return { name: imageName, path };
}

async function openPlace({ binaries, image }: Prepared, folder: string): Promise<OpenedSuite<NodePlace>> {
  removeStaleControlGroups(folder);
  await furnishSandbox(folder, folderSize);
  await furnishForNodes(folder);
  const images = [await writePauseImage(folder, binaries.pause), image.path];
  const nodes = await openNodes({ binaries, folder, addresses: sandboxAddresses, images });
  const { plane, certificates, facts, logFolder } = nodes;
  await symlink(binaries.helm, join(folder, 'helm'));
  await symlink(binaries.helm3, join(folder, 'helm3'));
  const place: NodePlace = {
    kubeconfigPath: plane.kubeconfigPath,
    kubectl: join(folder, 'kubectl'),
    folder,
    addresses: sandboxAddresses,
    own: { binaries, certificates },
    nodes: facts,
    image: image.name,
    imageArchive: image.path,
    helm: { 4: binaries.helm, 3: binaries.helm3 },
    logFolder,
  };
  return {
    place,
    env: {
      ...helmEnvironment(folder),
      TURNBRIDGE_TEST_HELM: binaries.helm,
      TURNBRIDGE_TEST_HELM3: binaries.helm3,
    },
    async beforeTests(index) {
      if (index > 0) await applyCrd(kubectlAt(place));
    },
    failure: () => nodes.failure(),
    [Symbol.asyncDispose]: () => nodes[Symbol.asyncDispose](),
  };
}
