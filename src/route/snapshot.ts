/**
 * The form in which routes are used: compiled, complete, immutable. A snapshot is swapped whole; a turn keeps
 * the one it started with. What a user writes is in resource.ts; compile.ts turns one into the other.
 */
import type { FailoverCause } from './failover-causes.ts';
import type { Secret } from './secret.ts';

/** Everything a bridge serves at one moment. */
export interface Snapshot {
  /** Names this content: equal versions serve the same. A short hash, free of secrets. */
  readonly version: string;
  /** Oldest first: a file's order, or the cluster's creation times. */
  readonly routes: readonly CompiledRoute[];
  readonly groups: readonly RouteGroup[];
  /**
   * Hosts of routes that cannot be served, in the form of `RouteGroup.hostname`. Nobody answers for them: their clients
   * must not be sent to a route for any host, whose owner is somebody else.
   */
  readonly closedHosts: ReadonlySet<string>;
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
  /** In order of preference: priority, then as written. Empty when none is usable. */
  readonly providers: readonly CompiledProvider[];
  /** Those whose credentials or authorities could not be had: nothing goes to them. */
  readonly unusableProviders: readonly UnusableProvider[];
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
  /** Before its first event a turn may go on to another provider, for these causes and so often. */
  readonly failover: {
    readonly causes: ReadonlySet<FailoverCause>;
    /** Attempts of one turn at different providers, the first one counted. A change of transport is none. */
    readonly maxAttempts: number;
  };
  /** Other paths below the base that are passed on: exact, or `/path/*`. */
  readonly relay: {
    readonly paths: readonly string[];
    /** Where a WebSocket is passed on, frame by frame, such as `/realtime`. */
    readonly webSocketPaths: readonly string[];
    readonly sharedKey: boolean;
  };
  readonly telemetry: { readonly sessionIds: 'Hashed' | 'Raw' | 'None' };
}

export interface UnusableProvider {
  readonly name: string;
  /** Whose requests it is for ({@link providersFor} in match.ts), though it cannot take them now. */
  readonly dialect: CompiledProvider['dialect'];
  /** Model patterns it has; empty = any. */
  readonly models: readonly string[];
}

/** A route that is served, and under which hosts and base paths. */
export interface ServedRoute {
  /** In lower case; `*` alone for any. Never empty. */
  readonly hostnames: readonly string[];
  /** The root is the empty text. Never empty. */
  readonly paths: readonly string[];
  readonly compiled: CompiledRoute;
}

/**
 * What a provider's WebSocket can do beyond one turn after the other. `Lanes`: one socket carries several, named by
 * `stream_id`; without it each lane has a socket of its own. The others: it takes the frame of that name.
 */
export const CAPABILITIES = ['Lanes', 'Steer', 'Inject', 'Interrupt'] as const;
export type ProviderCapability = (typeof CAPABILITIES)[number];

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
    /** The keys themselves are not kept: only their names and SHA-256 digests (32 bytes). None: nobody may come in. */
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
  /** Of its WebSocket; empty for one that is reached over HTTP only. */
  readonly capabilities: ReadonlySet<ProviderCapability>;
  readonly limits: {
    readonly maxRequestBytes: number | undefined;
    /** Largest message on its WebSocket, 16 MiB unless written; what is larger goes over HTTP where that is possible. */
    readonly maxWebSocketMessageBytes: number;
    /** Age at which a WebSocket takes no further turn. */
    readonly maxConnectionAgeMs: number;
  };
  /** When it is left alone after failures. */
  readonly health: {
    readonly consecutiveFailures: number;
    /** The first rest; each further one is twice as long, up to the longest. */
    readonly ejectionMs: number;
    readonly maxEjectionMs: number;
  };
  /** Loopback and link-local addresses may be dialled: file routes and sidecars only. */
  readonly loopbackAllowed: boolean;
}

/** One header, name in lower case. */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
}
