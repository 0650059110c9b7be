/** How a scripted provider's WebSockets behave. Only types and defaults; docs/scripted-provider.md lists the same ones. */

/** Off: upgrades are answered 404. On: everything has its default. */
export type WebSocketChoice = 'off' | 'on' | WebSocketSettings;

export interface WebSocketSettings {
  /** Whether frames may have a `stream_id`; where not, they are refused with 400. Left out: true. */
  readonly lanes?: boolean;
  /** A second `response.create` on a lane that is busy waits for its turn, or is refused. Left out: `queue`. */
  readonly busy?: 'queue' | 'refuse';
  /**
   * `cut`: a steered response ends at once as incomplete; `finish`: it is said to its end first. `off`: steers are
   * refused. Left out: `cut`.
   */
  readonly steer?: 'off' | 'cut' | 'finish';
  /** Whether `response.inject` is accepted. Left out: true. */
  readonly inject?: boolean;
  /** `end`: the response ends as incomplete; `ignore`: it goes on; `off`: an unknown frame. Left out: `end`. */
  readonly interrupt?: 'off' | 'end' | 'ignore';
  /** A `response.create` on an older socket is refused with websocket_connection_limit_reached, and it closes. Left out: 60 minutes. */
  readonly maxAgeMs?: number;
  /** Larger messages close the socket with 1009. Left out: 16 MiB. */
  readonly maxMessageBytes?: number;
  /** Upgrades are refused. */
  readonly refuse?: UpgradeRefusal;
  /** Milliseconds, or a promise, before an upgrade is answered. */
  readonly stallUpgrade?: number | Promise<unknown>;
  /** Headers of the 101. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A socket without a response for so long is closed with 1001. Left out: never. */
  readonly closeAfterIdleMs?: number;
  /** Milliseconds between pings. Left out: none are sent. */
  readonly pingEveryMs?: number;
  /** Pings are not answered. Left out: false. */
  readonly ignorePings?: boolean;
  /** Errors made here (not by scripts) have no `type` in `error`. Left out: false. */
  readonly errorsWithoutType?: boolean;
  /** The first message on a socket of `/realtime`. Left out: none. */
  readonly greeting?: string;
}

export interface UpgradeRefusal {
  /** 200 to 599. */
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A string as it is, anything else as JSON. Left out: an error object that names the status. */
  readonly body?: unknown;
  /** So many upgrades are refused, later ones accepted. Left out: all. */
  readonly times?: number;
}

/** The public API's limit on a connection's age. */
export const defaultMaxAgeMs = 3_600_000;
/** What the one service says whose limit is known. */
export const defaultMaxMessageBytes = 16 * 1_048_576;

/** The settings of a choice; undefined where it is off. */
export function settingsOf(choice: WebSocketChoice): WebSocketSettings | undefined {
  if (choice === 'off') return undefined;
  return choice === 'on' ? {} : choice;
}
