/** From the bytes of a snapshot, as a Secret or a file holds them, to what can be served. */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { pause } from '../pace.ts';
import { unpackSnapshotSlowly } from '../route/packed-snapshot.ts';
import type { UnpackedSnapshot } from '../route/packed-snapshot.ts';

/** The entry of the Secret, and so the name of the mounted file. */
export const SNAPSHOT_ENTRY = 'snapshot';

/** What a Kubernetes Secret may hold in all. */
export const MAX_PACKED_BYTES = 1024 * 1024;

/**
 * Unpacked: what fits into a Secret is rarely packed to less than a fifth, keys hardly at all. More is no snapshot of
 * ours, or one made to fill memory.
 */
export const MAX_TEXT_BYTES = 32 * 1024 * 1024;

/** A refused one says why, in a sentence that holds nothing of its content. */
export type SnapshotReading =
  | { readonly kind: 'sound'; readonly unpacked: UnpackedSnapshot }
  | { readonly kind: 'refused'; readonly reason: string };

/** Equal for equal bytes. */
export function packedDigest(packed: Buffer): string {
  return createHash('sha256').update(packed).digest('hex');
}

const unzip = promisify(gunzip);

/**
 * Reads a packed snapshot: gzip, UTF-8, JSON, of a format that is known here. Never rejects. Lets the event loop go on
 * between its steps, and between the routes.
 */
export async function readSnapshot(packed: Buffer): Promise<SnapshotReading> {
  if (packed.length > MAX_PACKED_BYTES) {
    return refused(`the snapshot is larger than ${MAX_PACKED_BYTES} bytes, more than a Secret can hold`);
  }
  let text: string;
  try {
    const bytes: Buffer = await unzip(packed, { maxOutputLength: MAX_TEXT_BYTES });
    text = bytes.toString('utf8');
  } catch (error) {
    const isTooLarge = codeOf(error) === 'ERR_BUFFER_TOO_LARGE';
    return refused(
      isTooLarge
        ? `the snapshot is larger than ${MAX_TEXT_BYTES} bytes when it is unpacked`
        : 'the snapshot is not gzip, or was cut off',
    );
  }
  try {
    return { kind: 'sound', unpacked: await unpackSnapshotSlowly(text, pause) };
  } catch (error) {
    return refused((error as Error).message);
  }
}

function refused(reason: string): SnapshotReading {
  return { kind: 'refused', reason };
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}
