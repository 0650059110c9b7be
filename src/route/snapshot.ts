/**
 * The form in which routes are used: compiled, complete, immutable. A snapshot is swapped whole; a turn keeps
 * the one it started with. What a user writes is in resource.ts; compile.ts turns one into the other.
 */
import type { Secret } from './secret.ts';

/** Everything a bridge serves at one moment. */
export interface Snapshot {
  /** Names this content: equal versions serve the same. A short hash, free of secrets. */
  readonly version: string;
  /** Oldest first: a file's order, or the cluster's creation times. */
  readonly routes: readonly CompiledRoute[];
  readonly groups: readonly RouteGroup[];
}

/** The routes that share a host and a base path: chosen at the upgrade. They agree on `clients` and `limits`. */
export interface RouteGroup {
  /** An exact host in lower case, `*.suffix`, or `*` for any. */
  readonly hostname: string;
  /** The base path below which `/responses` lies, such as `/v1`; empty for the root. */
  readonly path: string;
  readonly clients: ClientPolicy;
  readonly limits: ClientLimits;
  /** Oldest first, never empty. */
  readonly routes: readonly CompiledRoute[];
}

export interface CompiledRoute {
  /** `namespace/name`. */
  readonly id: string;
  readonly match: { readonly models: readonly string[]; readonly headers: readonly HeaderMatch[] };
  readonly clients: ClientPolicy;
  readonly limits: ClientLimits;
  /** In order of preference: priority, then as written. Never empty. */
  readonly providers: readonly CompiledProvider[];
  readonly headerPassthrough: { readonly request: HeaderRules; readonly response: HeaderRules };
  readonly continuation: {
    /** Undefined: the transport's default, `Transcript` over HTTP. */
    readonly mode: ContinuationMode | undefined;
    readonly maxBytesPerConnection: number;
  };
  readonly timeouts: {
    readonly connectMs: number;
    readonly firstEventMs: number;
    readonly idleMs: number;
    readonly turnDeadlineMs: number;
  };
  /** Other paths below the base that are passed on: exact, or `/path/*`. */
  readonly relay: { readonly paths: readonly string[]; readonly sharedKey: boolean };
  readonly telemetry: { readonly sessionIds: 'Hashed' | 'Raw' | 'Off' };
}

export type ContinuationMode = 'Transcript' | 'Stateless' | 'Provider';

/** A header that must be there for a route to match. Names in lower case. */
export type HeaderMatch =
  | { readonly type: 'Exact'; readonly name: string; readonly value: string }
  | { readonly type: 'RegularExpression'; readonly name: string; readonly pattern: RegExp };

/** Added to the safe defaults; deny wins. Names in lower case. */
export interface HeaderRules {
  readonly allow: ReadonlySet<string>;
  readonly deny: ReadonlySet<string>;
}

/** Who may come in, and how. */
export interface ClientPolicy {
  readonly auth:
    | { readonly type: 'Passthrough' }
    | { readonly type: 'None' }
    /** The keys themselves are not kept: only their names and SHA-256 digests (32 bytes). */
    | { readonly type: 'APIKey'; readonly keys: readonly ClientKey[] };
  readonly webSocket: 'Enabled' | 'Disabled';
  /** Origins of browsers that may connect, in lower case: `https://app.example.com`. */
  readonly allowedOrigins: ReadonlySet<string>;
  /** Names of query parameters that may reach a provider. */
  readonly queryAllow: ReadonlySet<string>;
  readonly trace: 'Parent' | 'ParentSampled' | 'Link' | 'Ignore';
}

export interface ClientKey {
  /** The entry of the Secret: the tenant's name in logs and counts. */
  readonly name: string;
  readonly sha256: Buffer;
}

export interface ClientLimits {
  /** Undefined: no limit of this route's own. */
  readonly maxConnections: number | undefined;
  readonly maxConnectionsPerClient: number;
  readonly maxConnectionAgeMs: number;
  readonly maxMessageBytes: number;
  readonly maxQueuedTurns: number;
  readonly maxTurnsInFlight: number;
  readonly maxLanes: number;
}

export interface CompiledProvider {
  /**
   * Equal keys may share connections: a hash of origin, TLS and HTTP settings. Credentials are not in it (they
   * are headers of each request).
   */
  readonly poolKey: string;
  readonly name: string;
  /** `https://api.openai.com` */
  readonly origin: string;
  /** `/v1`; no slash at the end; may be empty. */
  readonly basePath: string;
  readonly transport: 'Auto' | 'HTTP' | 'WebSocket';
  readonly auth:
    | { readonly type: 'None' }
    | { readonly type: 'Passthrough' }
    /** `header` in lower case; the value sent is prefix + key. */
    | { readonly type: 'APIKey'; readonly header: string; readonly prefix: string; readonly key: Secret };
  readonly priority: number;
  readonly weight: number;
  /** Model patterns it has; empty = any. */
  readonly models: readonly string[];
  readonly modelMapping: readonly { readonly from: string; readonly to: string }[];
  readonly headers: {
    readonly set: readonly HeaderField[];
    readonly add: readonly HeaderField[];
    readonly remove: ReadonlySet<string>;
  };
  /** Query entries added to each request, encoded, without the question mark; may be empty. */
  readonly query: string;
  readonly tls: {
    /** PEM; undefined = the system's authorities. */
    readonly ca: string | undefined;
    readonly serverName: string | undefined;
  };
  readonly http: 'Auto' | 'HTTP1' | 'HTTP2';
  readonly dialect: 'OpenAI' | 'ChatGPT' | 'Compatible';
  readonly limits: { readonly maxRequestBytes: number | undefined };
  /** Loopback and link-local addresses may be dialled: file routes and sidecars only. */
  readonly loopbackAllowed: boolean;
}

/** One header, name in lower case. */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
}
