/** Bounds of the WebSockets to providers; see {@link DEFAULT_SOCKET_LIMITS} for the reasons. */
export interface SocketLimits {
  readonly idleMs: number;
  readonly maxIdleSockets: number;
  readonly maxParkedSockets: number;
  readonly keptChains: number;
  readonly pingMs: number;
  readonly closeAnswerMs: number;
  readonly beatMs: number;
}

/** The defaults, with their reasons. */
export const DEFAULT_SOCKET_LIMITS: SocketLimits = {
  /** An agent's tool may run for minutes between two turns; what is unused for longer costs more than a new dial. */
  idleMs: 300_000,
  /** Each costs a descriptor and some 30 KB, here and at the provider; a thousand serve a busy bridge's pauses. */
  maxIdleSockets: 1_024,
  /**
   * Sockets of one tenant that wait for requests of HTTP clients. Requests that differ in their headers each leave one of
   * their own: one tenant's must not fill the process.
   */
  maxParkedSockets: 128,
  /**
   * Sockets of one tenant that wait for an HTTP client to go on where they stopped. Beyond these the one that was unused
   * the longest serves a new conversation: a client that never goes on must not dial for each request.
   */
  keptChains: 4,
  /** Below the 60 s after which common load balancers forget an idle connection. */
  pingMs: 25_000,
  /** After our close frame nothing of interest can come; a provider that still generates shall be stopped soon. */
  closeAnswerMs: 1_000,
  /** How late a ping, or the end of a socket's time, may be; a thousand looks cost a tenth of a millisecond. */
  beatMs: 500,
};
