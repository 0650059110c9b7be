/**
 * A snapshot as text: what the operator writes into a Secret and a bridge reads from it. The form of its routes is in
 * packed-route.ts. Credentials are in it, the keys of clients only as digests.
 */
import { z } from 'zod';
import { hostsToClose, type HostClaim } from './closed-hosts.ts';
import { sha256 } from './content-hash.ts';
import { servedRoute, texts } from './packed-route.ts';
import type { Pause } from './pause.ts';
import { toSnapshot, versionOf } from './route-groups.ts';
import type { CompiledRoute, ServedRoute, Snapshot } from './snapshot.ts';

/**
 * Of this text. Within one `major` fields are only added, with a default for texts without them. A bridge reads texts
 * that are one `minor` newer or older than its own, so that operator and bridges can be updated in any order.
 */
export const SNAPSHOT_FORMAT = { major: 1, minor: 1 } as const;

/** What stands beside the routes. */
export interface SnapshotOrigin {
  /** Larger with each text that is written. */
  readonly generation: number;
  /** The installation of the operator that wrote it. */
  readonly installation: string;
}

/** What is to be packed beside the routes. */
export interface PackOptions extends SnapshotOrigin {
  /** All hosts that routes claim, oldest first: some of those that none of the packed ones has are closed. */
  readonly claims?: readonly HostClaim[];
}

export interface UnpackedSnapshot extends SnapshotOrigin {
  readonly snapshot: Snapshot;
  /** The same routes with their hosts and paths, oldest first: what was packed. */
  readonly served: readonly ServedRoute[];
  /** Such as `1.0`. */
  readonly format: string;
}

const formatVersion = z.object({ major: z.int(), minor: z.int() });

const envelope = z.object({
  format: formatVersion,
  version: z.string(),
  generation: z.int(),
  installation: z.string(),
  closedHosts: texts.default([]),
  /** PEM bundles by their SHA-256. */
  authorities: z.record(z.string(), z.string()),
  routes: z.array(z.unknown()),
});

/**
 * Writes routes as text.
 *
 * @param served Oldest first, without conflicts.
 */
export function packSnapshot(
  served: readonly ServedRoute[],
  { generation, installation, claims = [] }: PackOptions,
): { readonly version: string; readonly text: string } {
  const closedHosts = hostsToClose(claims, served);
  const version = versionOf(served, closedHosts);
  const authorities: Record<string, string> = {};
  const routes = served.map((route) => {
    for (const { tls } of route.compiled.providers) {
      if (tls.ca !== undefined) authorities[digestOf(tls.ca)] = tls.ca;
    }
    return packRoute(route);
  });
  const about = JSON.stringify({
    format: SNAPSHOT_FORMAT,
    version,
    generation,
    installation,
    closedHosts,
    authorities,
  });
  return { version, text: `${about.slice(0, -1)},"routes":[${routes.join(',')}]}` };
}

/** A compiled route never changes: its text is made once. It goes when the route goes. */
const packed = new WeakMap<CompiledRoute, string>();

/** The text of one route within that of a snapshot, authorities aside: for whoever has to know how large it is. */
export function packRoute(route: ServedRoute): string {
  const known = packed.get(route.compiled);
  if (known !== undefined) return known;
  // the library's types know mutable lists only; nothing is changed
  const named = withAuthorities(route, digestOf) as z.output<typeof servedRoute>;
  const text = JSON.stringify(z.encode(servedRoute, named));
  packed.set(route.compiled, text);
  return text;
}

function digestOf(pem: string): string {
  return sha256(pem).toString('hex');
}

/**
 * Reads such a text. Fields that are not known here are dropped.
 *
 * @throws Error with a sentence that holds nothing of the text, when it is none, or of a format that cannot be read.
 */
export function unpackSnapshot(text: string): UnpackedSnapshot {
  const about = readEnvelope(text);
  const routes = about.routes.map((route, index) => readRoute(route, index, about.authorities));
  return finish(about, routes);
}

/** The same with pauses, for a process that has other things to do meanwhile. */
export async function unpackSnapshotSlowly(text: string, pause: Pause): Promise<UnpackedSnapshot> {
  const about = readEnvelope(text);
  const routes: ServedRoute[] = [];
  for (const [index, route] of about.routes.entries()) {
    await pause();
    routes.push(readRoute(route, index, about.authorities));
  }
  await pause();
  return finish(about, routes);
}

type Envelope = z.output<typeof envelope>;

function readEnvelope(text: string): Envelope {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    // the parser's own words would quote the text
    throw new Error('the snapshot is no JSON');
  }
  // the format first: of another one nothing else need be as it is here
  const { major, minor } = checked(z.object({ format: formatVersion }).safeParse(document)).format;
  if (major !== SNAPSHOT_FORMAT.major || Math.abs(minor - SNAPSHOT_FORMAT.minor) > 1) {
    throw new Error(
      `the snapshot has format ${major}.${minor}, and this bridge reads ${SNAPSHOT_FORMAT.major}.${SNAPSHOT_FORMAT.minor} and its neighbours: run operator and bridges of versions that are at most one minor apart`,
    );
  }
  return checked(envelope.safeParse(document));
}

function checked<T>(result: z.ZodSafeParseResult<T>): T {
  if (!result.success) throw new Error(`the snapshot ${placeOf(result.error)}`);
  return result.data;
}

function readRoute(document: unknown, index: number, authorities: Envelope['authorities']): ServedRoute {
  const result = z.safeDecode(servedRoute, document as z.input<typeof servedRoute>);
  if (!result.success) throw new Error(`route ${index} of the snapshot ${placeOf(result.error)}`);
  return withAuthorities(result.data, (digest) => {
    const pem = Object.hasOwn(authorities, digest) ? authorities[digest] : undefined;
    // never the system's authorities instead
    if (pem === undefined) throw new Error(`route ${index} of the snapshot names authorities that it lacks`);
    return pem;
  });
}

function finish(
  { format, version, generation, installation, closedHosts }: Envelope,
  served: readonly ServedRoute[],
): UnpackedSnapshot {
  return {
    snapshot: toSnapshot(served, closedHosts, version),
    served,
    generation,
    installation,
    format: `${format.major}.${format.minor}`,
  };
}

/** Where the first mistake is; never what stands there. */
function placeOf({ issues }: z.ZodError): string {
  const path = issues[0]?.path.map(String).join('.') ?? '';
  return `is not of the form that is expected${path === '' ? '' : `, at ${path}`}`;
}

function withAuthorities(route: ServedRoute, exchange: (ca: string) => string): ServedRoute {
  if (route.compiled.providers.every(({ tls }) => tls.ca === undefined)) return route;
  const providers = route.compiled.providers.map((each) =>
    each.tls.ca === undefined ? each : { ...each, tls: { ...each.tls, ca: exchange(each.tls.ca) } },
  );
  return { ...route, compiled: { ...route.compiled, providers } };
}
