/** What a sandbox needs beyond {@link furnishSandbox} before pods can live in it. */
import { access, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ensureProgram } from '../harness/debian-packages.ts';
import { mustRun } from '../harness/run-command.ts';

/** Debian's packages, by a program of each. */
const packages: Readonly<Record<string, string>> = {
  containerd: 'containerd',
  runc: 'runc',
  nft: 'nftables',
  iptables: 'iptables',
  conntrack: 'conntrack',
  '/usr/lib/cni/bridge': 'containernetworking-plugins',
};

/** Called outside. @throws Error when this is not root, whom containerd needs, or a package cannot be had. */
export async function ensureNodePrograms(): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new Error('test:chart runs containers: it has to be root. `npm run test:cluster` does not');
  }
  for (const [program, name] of Object.entries(packages)) await ensureProgram(program, name);
}

/** Where programs write that cannot be told another place: kubelet, containerd, CNI plugins. */
const writtenFolders = ['/var/lib', '/var/log'];

/** Called inside, after {@link furnishSandbox}. */
export async function furnishForNodes(folder: string): Promise<void> {
  // volumes that a kubelet mounts have to be seen by containers that run already
  await mustRun('mount', ['--make-rshared', '/']);
  await mustRun('mount', ['-t', 'tmpfs', 'turnbridge-test', '/run']);
  await mkdir('/run/netns');
  for (const path of writtenFolders) {
    const layer = join(folder, 'written', path);
    await mkdir(`${layer}/upper`, { recursive: true });
    await mkdir(`${layer}/work`);
    const options = `lowerdir=${path},upperdir=${layer}/upper,workdir=${layer}/work`;
    await mustRun('mount', ['-t', 'overlay', '-o', options, 'turnbridge-test', path]);
  }
  await showProcessors();
  // there is no way out; kubelet and kube-proxy want one
  await mustRun('ip', ['route', 'add', 'default', 'dev', 'node0']);
  await writeSetting('net/ipv4/ip_forward', '1');
  await writeSetting('net/ipv4/conf/all/forwarding', '1');
  await access('/proc/sys/net/bridge/bridge-nf-call-iptables').then(
    () => writeSetting('net/bridge/bridge-nf-call-iptables', '1'),
    () => {}, // pods of one node then reach each other's Services only from the other node
  );
}

/** What a node of a small cluster has. Several releases want more of it than a machine for tests may have. */
const shownProcessors = 8;

/**
 * Has kubelets count as many processors on any machine: what pods ask for then fits, and they share what there is. Only
 * kubelets look there; all else, pods too, asks the kernel. Those that are not real have no facts, so that no control
 * group is given one of them.
 */
async function showProcessors(): Promise<void> {
  const system = '/sys/devices/system';
  const path = `${system}/cpu`;
  const facts = new Map([['online', await readFile(`${path}/online`)]]);
  for (const name of (await readdir(path)).filter((each) => /^cpu\d+$/.test(each))) {
    for (const fact of ['core_id', 'physical_package_id']) {
      const file = `${name}/topology/${fact}`;
      const text = await readFile(`${path}/${file}`).catch(() => undefined); // one of ours, in a run within a run
      if (text !== undefined) facts.set(file, text);
    }
  }
  // without memory nodes a kubelet counts the folders of processors
  for (const hidden of [`${system}/node`, path]) {
    await mustRun('mount', ['-t', 'tmpfs', 'turnbridge-test', hidden]);
  }
  for (let number = 0; number < shownProcessors; number += 1) await mkdir(`${path}/cpu${String(number)}`);
  for (const [file, text] of facts) {
    await mkdir(dirname(`${path}/${file}`), { recursive: true });
    await writeFile(`${path}/${file}`, text);
  }
}

/** The tests then find names of the cluster, as pods do. @param nameserver IPv4. */
export async function resolveNames(folder: string, nameserver: string, domain: string): Promise<void> {
  const path = join(folder, 'resolv.conf');
  await writeFile(path, `nameserver ${nameserver}\nsearch svc.${domain} ${domain}\noptions ndots:5\n`);
  await mustRun('mount', ['--bind', path, '/etc/resolv.conf']);
}

/** Of this network namespace alone. */
async function writeSetting(name: string, value: string): Promise<void> {
  const path = `/proc/sys/${name}`;
  if ((await readFile(path, 'utf8')).trim() !== value) await writeFile(path, value);
}
