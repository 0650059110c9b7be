/** What Contour watches, on the API server of the tests: its resources, and objects of the chart. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Cluster } from '../../cluster/use-cluster.ts';
import { until } from '../../harness/wait-for.ts';
import type { Contour } from './contour.ts';
import { postTurn } from './http-turn.ts';
import { ensureContour } from './programs.ts';
import type { WayIn } from './way-in.ts';

/** A dozen resources on an API server that others use as well. */
const servedMs = 60_000;

/** Makes the resources that Contour watches, where the cluster has them not; those of another version stay. */
export async function serveContourKinds(cluster: Cluster): Promise<void> {
  const { crds } = await ensureContour();
  for (const name of (await readdir(crds)).toSorted()) {
    // `create`, and not `apply`: a newer one that somebody else has made is not taken back
    const { stderr } = await cluster.kubectl(['create', '-f', join(crds, name)]);
    const refusals = stderr.split('\n').filter((line) => line !== '' && !line.includes('AlreadyExists'));
    if (refusals.length > 0) throw new Error(`${name} was not taken: ${refusals.join('\n')}`);
  }
  await mustKubectl(cluster, [
    'wait',
    '--for=condition=Established',
    'crd',
    '--all',
    `--timeout=${String(servedMs / 1_000)}s`,
  ]);
}

/** `kubectl apply`. @throws Error with its words when it was refused. */
export async function applyAll(cluster: Cluster, objects: readonly object[]): Promise<void> {
  await mustKubectl(cluster, ['apply', '-f', '-'], objects);
}

async function mustKubectl(
  cluster: Cluster,
  args: readonly string[],
  stdin?: readonly object[],
): Promise<void> {
  const { code, stderr } = await cluster.kubectl(args, { timeoutMs: servedMs, ...(stdin && { stdin }) });
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
}

/** Objects reach Envoy within a second; for a machine that does much else. */
const toldMs = 30_000;
/** Between two looks: each is a request, and there may be nobody yet to refuse it. */
const lookMs = 50;

/**
 * Resolves when a turn gets through to the bridge: Contour has read the objects, and its Envoy has been told.
 * @throws Error with the end of what Contour logged when none does.
 */
export async function untilServed(way: WayIn, { contour }: Contour): Promise<void> {
  const served = async (): Promise<boolean> => {
    const turn = await postTurn(way, { model: 'm', input: 'hi' });
    turn.abort();
    return turn.status === 200;
  };
  const look = async (): Promise<boolean> => (await served().catch(() => false)) || setTimeout(lookMs, false);
  await until(look, `${way.host ?? ''} to be served`, toldMs).catch((cause: unknown) => {
    throw new Error(`Contour does not serve ${way.host ?? ''}; it said:\n${contour.log().slice(-4_000)}`, {
      cause,
    });
  });
}
