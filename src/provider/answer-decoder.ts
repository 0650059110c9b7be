/**
 * Providers are asked for uncompressed answers; some proxies in front of them compress all the same. Decoded as it
 * streams, one chunk at a time, so that memory stays bounded whatever the bytes claim to expand to.
 */
import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createZstdDecompress, constants } from 'node:zlib';

/** Hears what a decoder makes of the bytes it is given. */
export interface DecoderListener {
  onBytes(chunk: Buffer): void;
  onEnd(): void;
  /** The bytes are not what the encoding says. Nothing follows. */
  onBroken(): void;
  /** The decoder takes more again after {@link AnswerDecoder.push} said no. */
  onDrain(): void;
}

/** A running decoder. Its owner calls `destroy` when it is done with it. */
export interface AnswerDecoder {
  /** False: hold further bytes back until `onDrain`. */
  push(chunk: Buffer): boolean;
  end(): void;
  pause(): void;
  resume(): void;
  destroy(): void;
}

/**
 * A decoder for a `content-encoding`.
 *
 * @param encoding The header's value, not empty.
 * @returns undefined for an encoding that is not known here, or several at once.
 */
export function openDecoder(encoding: string, listener: DecoderListener): AnswerDecoder | undefined {
  const stream = openStream(encoding.trim().toLowerCase());
  if (stream === undefined) {
    return undefined;
  }
  let destroyed = false;
  const unlessDestroyed = (call: () => void) => () => {
    if (!destroyed) {
      call();
    }
  };
  stream.on('data', (chunk: Buffer) => {
    if (!destroyed) {
      listener.onBytes(chunk);
    }
  });
  stream.on(
    'end',
    unlessDestroyed(() => listener.onEnd()),
  );
  stream.on(
    'error',
    unlessDestroyed(() => listener.onBroken()),
  );
  stream.on(
    'drain',
    unlessDestroyed(() => listener.onDrain()),
  );
  return {
    push: (chunk) => stream.write(chunk),
    end: () => stream.end(),
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    destroy: () => {
      destroyed = true;
      stream.destroy();
    },
  };
}

function openStream(encoding: string): Transform | undefined {
  switch (encoding) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'br':
      return createBrotliDecompress();
    case 'zstd':
      // Windows of 8 MiB at most, as RFC 9659 asks of this encoding.
      return createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: 23 } });
    default:
      return undefined;
  }
}
