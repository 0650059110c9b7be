/** Why the WebSocket library closed a connection by itself: the peer broke the protocol, or its limits. */

export interface LibraryClose {
  /** What it has put into its close frame. */
  readonly code: number;
  /** Ours: the library has none. */
  readonly reason: string;
}

const BY_ERROR_CODE: Readonly<Record<string, LibraryClose>> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: { code: 1009, reason: 'message too big' },
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: { code: 1009, reason: 'message too big' },
  WS_ERR_INVALID_UTF8: { code: 1007, reason: 'text is not UTF-8' },
  WS_ERR_TOO_MANY_BUFFERED_PARTS: { code: 1008, reason: 'too many fragments' },
};

const NOT_A_FRAME: LibraryClose = { code: 1002, reason: 'not a WebSocket frame' };

/** Undefined for errors of the socket itself: then nobody was there to close with. */
export function toLibraryClose({ code }: { readonly code?: unknown }): LibraryClose | undefined {
  if (typeof code !== 'string' || !code.startsWith('WS_ERR_')) return undefined;
  return BY_ERROR_CODE[code] ?? NOT_A_FRAME;
}

/** The reason that goes into the library's own close frame. */
export function reasonOfLibraryClose(code: number | undefined): string | undefined {
  if (code === NOT_A_FRAME.code) return NOT_A_FRAME.reason;
  return Object.values(BY_ERROR_CODE).find((close) => close.code === code)?.reason;
}
