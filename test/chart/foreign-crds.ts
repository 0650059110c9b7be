/**
 * Custom resource definitions of the products that the chart renders objects for, so that a real API server judges those
 * objects as the product's cluster would. Most stand in the Go module of their product; `foreign-crds/` has the few kinds
 * that are in none, with just the fields that the chart writes.
 */
import { createHash } from 'node:crypto';
import { access, copyFile, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { cacheFolder } from '../harness/cache-folder.ts';
import { installOnce } from '../harness/install-lock.ts';
import { mustRun } from '../harness/run-command.ts';

interface ModuleManifests {
  readonly module: string;
  readonly version: string;
  /** As in a go.sum: what Go computes over the module's files. */
  readonly sum: string;
  /** Paths in the module. */
  readonly files: readonly string[];
}

const envoyGatewayFolder = 'charts/gateway-helm/charts/crds/crds/generated';
const prometheusFolder = 'example/prometheus-operator-crd';

const modules: readonly ModuleManifests[] = [
  {
    module: 'github.com/projectcontour/contour',
    version: 'v1.33.8',
    sum: 'h1:QoOfwqWws+CVRFpsRC2+f1DmB5IdurtyUtepIsiWfE0=',
    files: ['examples/contour/01-crds.yaml'],
  },
  {
    module: 'sigs.k8s.io/gateway-api',
    version: 'v1.6.1',
    sum: 'h1:mock6phZbI6rvZerwrVNk7hVNymQgHo+6sJ81Ia7ftY=',
    files: ['gatewayclasses', 'gateways', 'httproutes'].map(
      (kind) => `config/crd/standard/gateway.networking.k8s.io_${kind}.yaml`,
    ),
  },
  {
    module: 'istio.io/api',
    version: 'v1.31.1',
    sum: 'h1:5Yb5ihcz4YQsCkciusK7DnFpBMwRB6EFWeUKH1Atuyk=',
    files: ['kubernetes/customresourcedefinitions.gen.yaml'],
  },
  {
    module: 'github.com/envoyproxy/gateway',
    version: 'v1.9.1',
    sum: 'h1:vAVp6/AlBXJ1aOhp1mxL7fNEzVEfjADUguUhm2wzxQY=',
    files: ['backendtrafficpolicies', 'clienttrafficpolicies'].map(
      (kind) => `${envoyGatewayFolder}/gateway.envoyproxy.io_${kind}.yaml`,
    ),
  },
  {
    module: 'github.com/kedacore/keda/v2',
    version: 'v2.20.0',
    sum: 'h1:nPKQL9iKsPpoyq7BftlBzJiQzb2LdKHiqBIEG6ju3bk=',
    files: ['config/crd/bases/keda.sh_scaledobjects.yaml'],
  },
  {
    module: 'github.com/prometheus-operator/prometheus-operator',
    version: 'v0.85.0',
    sum: 'h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=',
    files: ['servicemonitors', 'podmonitors', 'prometheusrules'].map(
      (kind) => `${prometheusFolder}/monitoring.coreos.com_${kind}.yaml`,
    ),
  },
];

const ownFolder = join(import.meta.dirname, 'foreign-crds');
/** One module is some megabytes; this is for a proxy that is slow. */
const downloadTimeoutMs = 5 * 60_000;

/**
 * Paths of the manifests, downloaded now unless the cache has them: Go and its module proxy are needed the first time
 * only. Apply them with `kubectl apply --server-side`: some are larger than the annotation of a client-side apply. Safe
 * to call from several processes at once.
 * @throws Error with Go's output when a module is not to be had, or is not the one that is pinned here.
 */
export async function foreignCrds(): Promise<readonly string[]> {
  const key = createHash('sha256').update(JSON.stringify(modules)).digest('hex').slice(0, 16);
  const folder = cacheFolder(`foreign-crds-${key}`);
  await installOnce({
    of: folder,
    isInstalled: () =>
      access(folder).then(
        () => true,
        () => false,
      ),
    install: () => fetchInto(folder),
  });
  const own = await readdir(ownFolder);
  const fetched = modules.flatMap(({ files }) => files.map((file) => join(folder, basename(file))));
  return [...fetched, ...own.toSorted().map((name) => join(ownFolder, name))];
}

/** Filled beside its place and moved there: a download that was killed leaves no half of a folder. */
async function fetchInto(folder: string): Promise<void> {
  const unfinished = `${folder}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  for (const { module, version, sum, files } of modules) {
    // in a folder without a go.mod: the modules are for their files, not to be built with one another
    const stdout = await mustRun('go', ['mod', 'download', '-json', `${module}@${version}`], {
      cwd: unfinished,
      env: { ...process.env, GOFLAGS: '', GOTOOLCHAIN: 'local' },
      timeoutMs: downloadTimeoutMs,
    });
    const downloaded = JSON.parse(stdout) as { readonly Dir: string; readonly Sum: string };
    if (downloaded.Sum !== sum) {
      throw new Error(`${module}@${version} has the sum ${downloaded.Sum}, and ${sum} is pinned here`);
    }
    for (const file of files) {
      await copyFile(join(downloaded.Dir, file), join(unfinished, basename(file)));
    }
  }
  await rename(unfinished, folder);
}

/** The kinds that these manifests define, as `group/version/Kind`: for Helm's `--api-versions`. */
export async function foreignKinds(): Promise<readonly string[]> {
  const texts = await Promise.all((await foreignCrds()).map((path) => readFile(path, 'utf8')));
  return texts
    .flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as CrdDocument | null))
    .filter((document) => document !== null)
    .flatMap(({ spec: { group, names, versions } }) =>
      versions.filter(({ served }) => served).map(({ name }) => `${group}/${name}/${names.kind}`),
    );
}

interface CrdDocument {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly { readonly name: string; readonly served: boolean }[];
  };
}
