/** What a bridge is told when it is opened (bridge.ts). */
import type { ConnectionSettings } from './client/connection-tools.ts';
import type { OutboundProxy } from './provider/provider-pool.ts';
import type { RouteOrigin } from './served-routes.ts';
import type { Log } from './telemetry/log/log.ts';
import type { TelemetrySettings } from './telemetry/observers.ts';
import type { TracePropagation } from './turn/trace-headers.ts';

export interface BridgeOptions {
  readonly routes: RouteOrigin;
  readonly listen: HostAndPort;
  /** Folder with the certificate and the key of the listener; undefined: plain HTTP. */
  readonly tlsFolder?: string | undefined;
  readonly opsListen: HostAndPort;
  readonly log: Log;
  readonly version: string;
  readonly nodeVersion: string;
  /** Names this installation in `x-turnbridge-via`. */
  readonly installationId: string;
  readonly proxy: OutboundProxy;
  readonly maxConnections: number;
  readonly budgets: BudgetSizes;
  readonly settings: ConnectionSettings;
  readonly telemetry: BridgeTelemetry;
}

/** What is shown to operators, and how. */
export interface BridgeTelemetry extends TelemetrySettings {
  readonly propagation: TracePropagation;
  /** Key of the hash that stands for session ids. */
  readonly idKey: Buffer;
  /** The commit this was built from; undefined: nobody said. */
  readonly revision: string | undefined;
  /** What the process may use; undefined: nobody said. */
  readonly memoryLimitBytes: number | undefined;
}

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

/** Bytes that may wait in the whole process. */
export interface BudgetSizes {
  readonly inboundBytes: number;
  readonly clientSendBytes: number;
  readonly transcriptBytes: number;
  readonly answerBytes: number;
}
