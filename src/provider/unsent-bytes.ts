/** What a socket was given and the kernel has not taken. */
import type { Socket } from 'node:net';

/**
 * Counts a large write as it shrinks, and not whole until it is through: then it could not be told from a peer that takes
 * nothing. Two of the figures are not public; without them the view is coarser, and never too small.
 */
export function unsentBytes(socket: Socket): number {
  const { _handle: handle, _writableState: state } = socket as Socket & Insides;
  const underWay = state?.writelen ?? 0;
  // under TLS the figure that moves is that of the handle below: TLS hands it everything at once
  const left = (handle?._parent ?? handle)?.writeQueueSize ?? underWay;
  return socket.writableLength - Math.max(0, underWay - left);
}

interface Insides {
  readonly _handle?: Handle | null;
  readonly _writableState?: { readonly writelen?: number };
}

interface Handle {
  readonly writeQueueSize?: number;
  readonly _parent?: Handle;
}
