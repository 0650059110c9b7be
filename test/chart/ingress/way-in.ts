/** How a client gets through a proxy. */
export interface WayIn {
  /** `http://127.0.0.1:PORT/v1`. */
  readonly url: string;
  /** The name in `Host` by which a proxy chooses, when it does. */
  readonly host?: string;
}

/** For a request through it. */
export function headersOf({ host }: WayIn): Readonly<Record<string, string>> {
  return { authorization: 'Bearer client-key', ...(host !== undefined && { host }) };
}
