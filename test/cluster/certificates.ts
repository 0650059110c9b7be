/** The certificates of one run: a CA of its own, an API server's, an administrator's, and the key of service accounts. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mustRun } from '../harness/run-command.ts';

/** Paths of PEM files. */
export interface Certificates {
  readonly ca: string;
  readonly server: KeyPair;
  /** Of group `system:masters`: may do everything, whatever RBAC says. */
  readonly admin: KeyPair;
  /** Of each node's kubelet, by the node's name: it serves with it, and is `system:node:NAME` with it. */
  readonly kubelets: Readonly<Record<string, KeyPair>>;
  /** RSA: signs and checks the tokens of service accounts. */
  readonly serviceAccounts: { readonly key: string; readonly publicKey: string };
}

export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

export interface NodeAddress {
  readonly name: string;
  /** IPv4. */
  readonly address: string;
}

/** Longer than any run. */
const days = '2';

/**
 * Makes them anew, with openssl (about half a second).
 * @param addresses IP addresses under which the API server is called, beside loopback.
 * @param nodes none where no kubelet runs.
 * @throws Error with openssl's output.
 */
export async function makeCertificates(
  folder: string,
  addresses: readonly string[],
  nodes: readonly NodeAddress[] = [],
): Promise<Certificates> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const at = (name: string): string => join(folder, name);
  // words without spaces: paths are relative to the folder
  const openssl = (line: string): Promise<string> => mustRun('openssl', line.split(' '), { cwd: folder });
  const newKey = (name: string): Promise<string> =>
    openssl(`ecparam -name prime256v1 -genkey -noout -out ${name}.key`);
  await newKey('ca');
  const caUsage = '-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign';
  await openssl(
    `req -x509 -new -key ca.key -sha256 -days ${days} -subj /CN=test-cluster-ca ${caUsage} -out ca.crt`,
  );
  const sign = async (name: string, subject: string, extensions: readonly string[]): Promise<KeyPair> => {
    await newKey(name);
    await openssl(`req -new -key ${name}.key -subj ${subject} -out ${name}.csr`);
    const common = ['basicConstraints=CA:FALSE', 'keyUsage=critical,digitalSignature'];
    await writeFile(at(`${name}.ext`), [...common, ...extensions, ''].join('\n'));
    const signer = `-CA ca.crt -CAkey ca.key -set_serial 0x${Buffer.from(name).toString('hex')}`;
    await openssl(
      `x509 -req -in ${name}.csr ${signer} -days ${days} -sha256 -extfile ${name}.ext -out ${name}.crt`,
    );
    return { certificate: at(`${name}.crt`), key: at(`${name}.key`) };
  };
  const names = [
    ...['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'].map(
      (name) => `DNS:${name}`,
    ),
    ...['127.0.0.1', '::1', ...addresses].map((address) => `IP:${address}`),
  ];
  const serverUsage = ['extendedKeyUsage=serverAuth', `subjectAltName=${names.join(',')}`];
  const [server, admin] = await Promise.all([
    sign('server', '/CN=kube-apiserver', serverUsage),
    sign('admin', '/O=system:masters/CN=admin', ['extendedKeyUsage=clientAuth']),
    openssl('genrsa -out accounts.key 2048').then(() =>
      openssl('rsa -in accounts.key -pubout -out accounts.pub'),
    ),
  ]);
  const kubelets: Record<string, KeyPair> = {};
  for (const { name, address } of nodes) {
    kubelets[name] = await sign(`kubelet-${name}`, `/O=system:nodes/CN=system:node:${name}`, [
      'extendedKeyUsage=serverAuth,clientAuth',
      `subjectAltName=DNS:${name},IP:${address},IP:127.0.0.1`,
    ]);
  }
  const serviceAccounts = { key: at('accounts.key'), publicKey: at('accounts.pub') };
  return { ca: at('ca.crt'), server, admin, kubelets, serviceAccounts };
}

/** Who somebody is to an API server. */
export type Credentials =
  | { readonly kind: 'certificate'; readonly pair: KeyPair }
  | { readonly kind: 'token'; readonly token: string };

/**
 * Writes a kubeconfig that needs no other file. JSON, which YAML includes.
 * @param ca PEM, the text.
 */
export async function writeKubeconfig(
  path: string,
  cluster: { readonly serverUrl: string; readonly ca: string; readonly namespace?: string },
  credentials: Credentials,
): Promise<void> {
  const base64 = (text: string | Buffer): string => Buffer.from(text).toString('base64');
  const user =
    credentials.kind === 'token'
      ? { token: credentials.token }
      : {
          'client-certificate-data': base64(await readFile(credentials.pair.certificate)),
          'client-key-data': base64(await readFile(credentials.pair.key)),
        };
  const context = {
    cluster: 'test',
    user: 'test',
    ...(cluster.namespace === undefined ? {} : { namespace: cluster.namespace }),
  };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [
      {
        name: 'test',
        cluster: { server: cluster.serverUrl, 'certificate-authority-data': base64(cluster.ca) },
      },
    ],
    users: [{ name: 'test', user }],
    contexts: [{ name: 'test', context }],
  };
  await writeFile(path, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
}
