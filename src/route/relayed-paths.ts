/**
 * What is relayed when nothing is written, over HTTP and as WebSockets. Nothing that one client stored can be read by
 * another through these paths, so that providers with a shared key may have them.
 */

/** Default of `relay.paths`. */
export const SAFE_PATHS: readonly string[] = ['/models', '/responses/compact'];

/** Default of `relay.webSocketPaths`. */
export const SAFE_SOCKET_PATHS: readonly string[] = ['/realtime'];
