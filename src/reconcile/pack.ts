/** From served routes to the bytes of the snapshot Secret: all of them, or as many as it can hold. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { packRoute, packSnapshot } from '../route/packed-snapshot.ts';
import type { PackOptions } from '../route/packed-snapshot.ts';
import type { Pause } from '../route/pause.ts';
import { versionOf } from '../route/route-groups.ts';
import type { ServedRoute } from '../route/snapshot.ts';
import { findFitting } from './fitting.ts';

/** The API server refuses a Secret whose entries are together larger than 1 MiB; the rest is for entries to come. */
export const MAX_SNAPSHOT_BYTES = 1024 * 1024 - 16 * 1024;

/** Unpacked, in UTF-8: half of what bridges take, and about 8,000 routes. What shrinks more is filled with one letter. */
export const MAX_SNAPSHOT_TEXT_BYTES = 16 * 1024 * 1024;

/** From here on somebody should make room, before routes are left out. */
const NEARLY_FULL = 0.8;

export interface FittedSnapshot {
  /** What is in it: oldest first. */
  readonly packed: readonly ServedRoute[];
  /** `namespace/name` of routes that do not fit. */
  readonly leftOut: readonly string[];
  /** Of the content; without regard to `generation`. */
  readonly version: string;
  /** What is written. */
  readonly gzip: Buffer;
  /** Unpacked. */
  readonly textBytes: number;
  /** `NearlyFull` from 80 % of the limit on; `Full` when something is left out. */
  readonly level: 'Normal' | 'NearlyFull' | 'Full';
}

export interface FitOptions {
  readonly pause: Pause;
  /** Of the compressed text; {@link MAX_SNAPSHOT_BYTES} by default. */
  readonly limitBytes?: number;
}

/**
 * Packs routes, oldest first. One that does not fit is left out, and younger ones that do go on. Compresses outside of
 * the event loop: once where all fit, else about ten times.
 */
export async function fitSnapshot(
  served: readonly ServedRoute[],
  origin: PackOptions,
  { pause, limitBytes = MAX_SNAPSHOT_BYTES }: FitOptions,
): Promise<FittedSnapshot> {
  for (const route of served) {
    await pause();
    // both are made once, and remembered there
    packRoute(route);
    versionOf([route]);
  }
  await pause();
  const whole = await pack(served, origin);
  if (fillOf(whole, limitBytes) <= 1) return toFitted(whole, served, [], limitBytes);
  const pieces = served.map(toPiece);
  let chosen = await findFitting(
    pieces.map(({ text }) => text.length),
    fillOf(whole, limitBytes),
    async (indexes) => fillOf(await sizeOf(indexes.map((index) => pieces[index] as Piece)), limitBytes),
  );
  for (;;) {
    const packed = chosen.map((index) => served[index] as ServedRoute);
    const result = await pack(packed, origin);
    const isIn = new Set(chosen);
    const leftOut = served.filter((_, index) => !isIn.has(index)).map(({ compiled }) => compiled.id);
    if (fillOf(result, limitBytes) <= 1 || packed.length === 0)
      return toFitted(result, packed, leftOut, limitBytes);
    // what was measured lacks the words around it; where these decide, the youngest give way
    const count = Math.floor(chosen.length / fillOf(result, limitBytes));
    chosen = chosen.slice(0, Math.min(count, chosen.length - 1));
  }
}

interface Size {
  readonly gzipBytes: number;
  readonly textBytes: number;
}

interface Packed extends Size {
  readonly version: string;
  readonly gzip: Buffer;
}

const compress = promisify(gzip);

async function pack(routes: readonly ServedRoute[], origin: PackOptions): Promise<Packed> {
  const { version, text } = packSnapshot(routes, origin);
  const bytes = await compress(text);
  return { version, gzip: bytes, gzipBytes: bytes.length, textBytes: Buffer.byteLength(text) };
}

/** One route as text, and the authorities it trusts, which a snapshot holds once. */
interface Piece {
  readonly text: string;
  readonly authorities: readonly string[];
}

function toPiece(route: ServedRoute): Piece {
  const authorities = route.compiled.providers.flatMap(({ tls }) => tls.ca ?? []);
  return { text: packRoute(route), authorities };
}

async function sizeOf(pieces: readonly Piece[]): Promise<Size> {
  const authorities = new Set(pieces.flatMap((piece) => piece.authorities));
  const text = [...authorities, ...pieces.map((piece) => piece.text)].join('\n');
  const textBytes = Buffer.byteLength(text);
  // what is too long in any case is not worth compressing
  const gzipBytes = textBytes > MAX_SNAPSHOT_TEXT_BYTES ? 0 : (await compress(text)).length;
  return { gzipBytes, textBytes };
}

/** 1 is full. */
function fillOf({ gzipBytes, textBytes }: Size, limitBytes: number): number {
  return Math.max(gzipBytes / limitBytes, textBytes / MAX_SNAPSHOT_TEXT_BYTES);
}

function toFitted(
  { version, gzip: bytes, textBytes }: Packed,
  packed: readonly ServedRoute[],
  leftOut: readonly string[],
  limitBytes: number,
): FittedSnapshot {
  const isNearlyFull = fillOf({ gzipBytes: bytes.length, textBytes }, limitBytes) >= NEARLY_FULL;
  const level = leftOut.length > 0 ? 'Full' : isNearlyFull ? 'NearlyFull' : 'Normal';
  return { packed, leftOut, version, gzip: bytes, textBytes, level };
}
