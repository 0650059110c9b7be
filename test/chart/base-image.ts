/**
 * The images that the Dockerfile begins with, made from Debian's packages and the pinned Node: a machine with a package
 * mirror and no image registry builds the same file. They have the names, files and settings that the file relies on.
 */
import { createHash } from 'node:crypto';
import {
  chmod,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  realpath,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findProgram } from '../harness/debian-packages.ts';
import { installOnce } from '../harness/install-lock.ts';
import { mustRun } from '../harness/run-command.ts';
import { imageStore, type Buildah } from './buildah.ts';
import { openDebianArchive, type DebianArchitecture, type DebianArchive } from './debian-archive.ts';
import { nodeBinary } from './node-binary.ts';

/** What the Dockerfile's FROM lines call them. */
export interface BaseNames {
  readonly node: string;
  readonly distroless: string;
}

/** What distroless/cc holds, by its own build files. */
export const distrolessPackages = [
  'base-files',
  'ca-certificates',
  'gcc-14-base',
  'libc6',
  'libgcc-s1',
  'libgomp1',
  'libssl3t64',
  'libstdc++6',
  'libzstd1',
  'media-types',
  'netbase',
  'tzdata',
  'zlib1g',
];
/** What RUN lines may use; of node:slim, the part that they do. */
const builderPackages = ['base-files', 'coreutils', 'dash', 'findutils', 'grep', 'libstdc++6', 'sed'];

/** Changed with what {@link layDistroless} and {@link layNode} do, so that no older image is taken for it. */
const recipe = 2;

/** As everywhere in Debian. */
const certificates = 'etc/ssl/certs/ca-certificates.crt';

/**
 * Makes both images of an architecture unless the store has them with the newest packages. Their names are then theirs.
 * @returns A text that changes whenever what they hold does.
 */
export async function ensureBaseImages(
  buildah: Buildah,
  names: BaseNames,
  architecture: DebianArchitecture,
): Promise<string> {
  const archive = await openDebianArchive(architecture);
  const versions = await archive.candidates(distrolessPackages);
  const distroless = [...versions].map(([name, version]) => `${name}=${version}`).sort();
  const builder = await archive.closure(builderPackages);
  const binary = await nodeBinary(architecture);
  const keys = {
    node: keyOf([architecture, ...builder, binary]),
    distroless: keyOf([architecture, ...distroless]),
  };
  const trust = ['--env', `NODE_EXTRA_CA_CERTS=/${certificates}`];
  await ensureImageOf(buildah, names.node, keys.node, architecture, trust, (root) =>
    layNode(archive, builder, binary, root),
  );
  const settings = ['--user', '65532', '--workingdir', '/home/nonroot'];
  await ensureImageOf(buildah, names.distroless, keys.distroless, architecture, settings, (root) =>
    layDistroless(archive, distroless, root),
  );
  return `${keys.node} ${keys.distroless}`;
}

async function ensureImageOf(
  buildah: Buildah,
  name: string,
  key: string,
  architecture: DebianArchitecture,
  settings: readonly string[],
  lay: (root: string) => Promise<void>,
): Promise<void> {
  const label = ['inspect', '--type', 'image', '--format', '{{index .OCIv1.Config.Labels "test.key"}}', name];
  const isInstalled = (): Promise<boolean> =>
    buildah(label).then(
      (found) => found.trim() === key,
      () => false,
    );
  async function install(): Promise<void> {
    const root = await mkdtemp(join(tmpdir(), 'turnbridge-base-'));
    const container = (await buildah(['from', '--arch', architecture, 'scratch'])).trim();
    try {
      await chmod(root, 0o755);
      await lay(root);
      await buildah(['add', '--quiet', container, root, '/']);
      await buildah(['config', '--arch', architecture, '--label', `test.key=${key}`, ...settings, container]);
      await buildah(['commit', '--quiet', '--disable-compression', container, name]);
    } finally {
      await buildah(['rm', container]);
      await rm(root, { recursive: true, force: true });
    }
  }
  await installOnce({ of: imageStore(), isInstalled, install });
}

function keyOf(parts: readonly string[]): string {
  return createHash('sha256')
    .update(`${String(recipe)}\n${parts.join('\n')}`)
    .digest('hex')
    .slice(0, 16);
}

/** gcr.io/distroless/cc: libraries, certificates, users, and the two folders that its user may write. */
async function layDistroless(
  archive: DebianArchive,
  packages: readonly string[],
  root: string,
): Promise<void> {
  await archive.unpack(packages, root);
  for (const needless of ['usr/share/doc-base', 'usr/share/man', 'usr/share/info', 'usr/sbin/iconvconfig']) {
    await rm(join(root, needless), { recursive: true, force: true });
  }
  const folder = join(root, 'usr/share/ca-certificates/mozilla');
  const texts = await Promise.all(
    (await readdir(folder)).sort().map((file) => readFile(join(folder, file), 'utf8')),
  );
  await put(root, certificates, texts.join(''));
  await putUsers(root, 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n', 'nonroot:x:65532:\n');
  await put(root, 'etc/nsswitch.conf', 'hosts: files dns\n');
  await mkdir(join(root, 'home/nonroot'), { recursive: true, mode: 0o700 });
  await mustRun('chown', ['65532:65532', join(root, 'home/nonroot')]);
  await chmod(join(root, 'tmp'), 0o1777);
}

/** node:slim: a shell and its tools, node and npm. */
async function layNode(
  archive: DebianArchive,
  packages: readonly string[],
  binary: string,
  root: string,
): Promise<void> {
  await archive.unpack(packages, root);
  await rm(join(root, 'usr/bin/sh'), { force: true });
  await symlink('dash', join(root, 'usr/bin/sh'));
  await putUsers(root, 'node:x:1000:1000::/home/node:/bin/bash\n', 'node:x:1000:\n');
  await put(root, 'etc/nsswitch.conf', 'hosts: files dns\n');
  await chmod(join(root, 'tmp'), 0o1777);
  await mkdir(join(root, 'usr/local/bin'), { recursive: true });
  await copyFile(binary, join(root, 'usr/local/bin/node'));
  const npm = dirname(dirname(await realpath((await findProgram('npm')) ?? 'npm'))); // from its bin/npm-cli.js
  await cp(npm, join(root, 'usr/local/lib/node_modules/npm'), { recursive: true });
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm'));
  // a network may have an authority of its own, which this machine trusts; only the stage that builds gets it
  await put(root, certificates, await readFile(`/${certificates}`, 'utf8'));
}

async function putUsers(root: string, user: string, group: string): Promise<void> {
  await put(
    root,
    'etc/passwd',
    `root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n${user}`,
  );
  await put(root, 'etc/group', `root:x:0:\nnobody:x:65534:\n${group}`);
}

async function put(root: string, path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}
