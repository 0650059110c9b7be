/** Packages of the Debian release that the image stands on, for any architecture, without touching this machine's own. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { aptTimeoutMs, runAptGet } from '../harness/debian-packages.ts';
import { cacheFolder } from '../harness/cache-folder.ts';
import { mustRun } from '../harness/run-command.ts';

/** As the names of the images in the Dockerfile say. */
const release = 'trixie';
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** Lists older than this are fetched anew: an image of yesterday's packages may have a hole that is mended today. */
const maxListAgeMs = 12 * 60 * 60_000;
/** A mirror that is being renewed has lists that do not fit each other, for some seconds. */
const retryAfterMs = 20_000;

export type DebianArchitecture = 'amd64' | 'arm64';

export interface DebianArchive {
  /** The newest version that Debian offers of each; every name has to exist. */
  candidates(names: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** The packages and all that they depend on, as `NAME=VERSION`, sorted. */
  closure(names: readonly string[]): Promise<readonly string[]>;
  /** Unpacks packages into a folder, as dpkg would but without running anything of theirs; notes them for scanners. */
  unpack(packages: readonly string[], root: string): Promise<void>;
}

/**
 * Lists and packages lie in the cache. Needs apt and dpkg, but no root.
 * @throws Error with apt's output when there are no lists yet and Debian cannot be reached.
 */
export async function openDebianArchive(architecture: DebianArchitecture): Promise<DebianArchive> {
  const folder = cacheFolder(`apt-${release}-${architecture}`);
  const env = { ...process.env, APT_CONFIG: await configure(folder, architecture) };
  const run = (command: string, args: readonly string[], cwd = folder): Promise<string> =>
    mustRun(command, args, { env, cwd, timeoutMs: aptTimeoutMs });
  await refreshLists(
    folder,
    async () => void (await runAptGet(['update', '--error-on=any'], { env, cwd: folder })),
  );

  async function candidates(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>();
    const text = await run('apt-cache', ['policy', ...names]);
    for (const [, name = '', version = ''] of text.matchAll(/^(\S+):\n.*\n  Candidate: (\S+)$/gm)) {
      found.set(name, version);
    }
    const missing = names.filter((name) => !found.has(name));
    if (missing.length > 0)
      throw new Error(`${release} (${architecture}) has no package ${missing.join(', ')}`);
    return found;
  }

  return {
    candidates,
    async closure(names) {
      // no package is installed as far as this apt knows, so all that is needed is listed
      const text = await run('apt-get', ['install', '-s', '--no-install-recommends', ...names]);
      const needed = [...text.matchAll(/^Inst (\S+) \((\S+)/gm)];
      return needed.map(([, name = '', version = '']) => `${name.replace(/:.*$/, '')}=${version}`).sort();
    },
    async unpack(packages, root) {
      const names = packages.map((each) => each.replace(/=.*$/, ''));
      const debs = await fetchAll(packages, folder, run);
      for (const [index, deb] of debs.entries()) {
        await run('dpkg-deb', ['-x', deb, root]);
        // where images without dpkg keep what scanners read
        const status = join(root, 'var/lib/dpkg/status.d');
        await mkdir(status, { recursive: true });
        await writeFile(join(status, names[index] ?? ''), await run('dpkg-deb', ['-f', deb]));
      }
    },
  };
}

type Run = (command: string, args: readonly string[], cwd?: string) => Promise<string>;

async function configure(folder: string, architecture: DebianArchitecture): Promise<string> {
  for (const part of ['state/lists/partial', 'cache/archives/partial', 'debs']) {
    await mkdir(join(folder, part), { recursive: true });
  }
  const source = (where: string, suite: string): string =>
    `deb [signed-by=${keyring}] ${where} ${suite} main\n`;
  const { packages, security } = await archivesOfMachine();
  const sources = [
    source(packages, release),
    source(packages, `${release}-updates`),
    source(security, `${release}-security`),
  ];
  await writeFile(join(folder, 'sources.list'), sources.join(''));
  await writeFile(join(folder, 'state/status'), '');
  const settings = {
    'Dir::State': join(folder, 'state'),
    'Dir::State::status': join(folder, 'state/status'),
    'Dir::Cache': join(folder, 'cache'),
    'Dir::Etc::sourcelist': join(folder, 'sources.list'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'APT::Architecture': architecture,
    'APT::Architectures': architecture,
    'APT::Sandbox::User': '', // the folder is the caller's; apt's own user could not write it
    'Acquire::Languages': 'none',
  };
  const path = join(folder, 'apt.conf');
  const lines = Object.entries(settings).map(([key, value]) => `${key} "${value}";\n`);
  await writeFile(path, lines.join(''));
  return path;
}

interface Archives {
  readonly packages: string;
  readonly security: string;
}

/**
 * Where this machine's own apt gets its packages, whatever release it is of: an archive has all of them.
 * @throws Error when it is no Debian, or has no sources.
 */
async function archivesOfMachine(): Promise<Archives> {
  const listed = await listedArchives();
  if (listed !== undefined) return listed;
  await runAptGet(['update']); // what was never listed is not told
  const found = await listedArchives();
  if (found !== undefined) return found;
  throw new Error(
    'the base image is made of Debian packages, and the apt of this machine has no Debian sources with security updates',
  );
}

/** Undefined: this machine's apt has no lists of them. */
async function listedArchives(): Promise<Archives | undefined> {
  const listed = await mustRun('apt-get', ['indextargets', '--format', '$(REPO_URI) $(RELEASE)']);
  const found = listed.split('\n').map((line) => line.split(' '));
  const uriOf = (fits: (suite: string) => boolean): string | undefined =>
    found.find(([, suite = '']) => suite !== '' && fits(suite))?.[0];
  const security = uriOf((suite) => suite.endsWith('-security'));
  const packages = uriOf((suite) => !suite.includes('-'));
  return packages === undefined || security === undefined ? undefined : { packages, security };
}

async function refreshLists(folder: string, update: () => Promise<void>): Promise<void> {
  const stamp = join(folder, 'lists-of');
  const age = await stat(stamp).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => undefined,
  );
  if (age !== undefined && age < maxListAgeMs) return;
  try {
    await update();
  } catch {
    if (age !== undefined) return; // without a network, yesterday's will do
    await delay(retryAfterMs);
    await update(); // what it says this time is the reason
  }
  await writeFile(stamp, '');
}

async function fetchAll(packages: readonly string[], folder: string, run: Run): Promise<readonly string[]> {
  const digest = createHash('sha256')
    .update([...packages].sort().join('\n'))
    .digest('hex')
    .slice(0, 16);
  const debs = join(folder, 'debs', digest);
  await mkdir(debs, { recursive: true });
  await run('apt-get', ['-q', 'download', ...packages], debs); // fetches only what is not there
  const files = (await readdir(debs)).filter((file) => file.endsWith('.deb'));
  return packages.map((each) => {
    const name = each.replace(/=.*$/, '');
    const file = files.find((candidate) => candidate.startsWith(`${name}_`));
    if (file === undefined) throw new Error(`apt-get download left no file of ${each} in ${debs}`);
    return join(debs, file);
  });
}
