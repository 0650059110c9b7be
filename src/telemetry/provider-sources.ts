/** What is asked of the process about its providers, when somebody looks: by metrics and by the ops page. */
import type { ProviderConnections } from '../provider/socket-facts.ts';

/** Whether a provider of a route is left alone now. */
export interface ProviderRest {
  readonly route: string;
  readonly provider: string;
  readonly isResting: boolean;
  /** Milliseconds until it is asked again; 0 for one that does not rest. */
  readonly restsForMs: number;
}

/** A provider that refused to speak WebSocket, and is reached over HTTP for a while. */
export interface WithoutWebSocket {
  readonly provider: string;
  /** Its base, without a query. */
  readonly url: string;
  /** Milliseconds until its WebSocket is tried again. */
  readonly forMs: number;
}

/** Cheap, and never throwing. What is not given is not shown. */
export interface ProviderSources {
  /** Of each provider one entry or several, which are added up. */
  providerConnections?(): readonly ProviderConnections[];
  /** Providers that were asked, and which of them are left alone. */
  providerHealth?(): readonly ProviderRest[];
  withoutWebSocket?(): readonly WithoutWebSocket[];
}
