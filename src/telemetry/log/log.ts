/**
 * The log: one line per fact, by hand, because it must never block and never throw.
 */
import { LineWriter, type LineWriterOptions } from './line-writer.ts';
import { type LogFields, type LogIdentity, type LogLevel, toJsonLine, toTextLine } from './log-line.ts';
import type { LogEvent } from '../names.ts';
import { RepeatLimit } from './repeat-limit.ts';

export interface LogOptions {
  /** Where to write, usually 1. It stays the caller's: close() does not close it. */
  readonly fd: number;
  /** `text` for a person at a terminal, `json` for everything else. */
  readonly format: 'json' | 'text';
  /** Lines below this level are not written. */
  readonly level: LogLevel;
  readonly service: string;
  readonly version: string;
  /** The pod's name; left out of the lines when undefined. */
  readonly pod?: string | undefined;
  /** Milliseconds since 1970; `Date.now` by default. */
  readonly now?: () => number;
  /** Bounds of the queue and of close(); the defaults are in line-writer.ts. */
  readonly writer?: LineWriterOptions;
}

/** What the log did so far. A live view: read it again for later numbers. */
export interface LogStats {
  /** Lines taken for writing, by level. */
  readonly lines: Readonly<Record<LogLevel, number>>;
  /** Lines lost because the reader was too slow or gone. */
  readonly dropped: number;
  /** Repeated lines held back on purpose. */
  readonly suppressed: number;
}

/**
 * `msg` is constant for its event; what differs goes into the fields. No method throws or blocks; after close()
 * lines are dropped and counted.
 */
export interface Log {
  debug(event: LogEvent, msg: string, fields?: LogFields): void;
  info(event: LogEvent, msg: string, fields?: LogFields): void;
  warn(event: LogEvent, msg: string, fields?: LogFields): void;
  error(event: LogEvent, msg: string, fields?: LogFields): void;
  /**
   * A warning that may come in floods: at most one line per key and second, the next one says in `suppressed` how
   * many were held back. Keys come from closed sets: event and reason, not an id.
   */
  warnRepeated(key: string, event: LogEvent, msg: string, fields?: LogFields): void;
  /** Writes what is queued, for a second at most. May be called twice. */
  close(): Promise<void>;
  readonly stats: LogStats;
}

const SEVERITY: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Opens a log on a descriptor. Its owner calls close() last of all. */
export function openLog(options: LogOptions): Log {
  return new DescriptorLog(options);
}

class DescriptorLog implements Log {
  readonly #options: LogOptions;
  readonly #identity: LogIdentity;
  readonly #now: () => number;
  readonly #writer: LineWriter;
  readonly #repeats = new RepeatLimit();
  readonly #lines: Record<LogLevel, number> = { debug: 0, info: 0, warn: 0, error: 0 };
  #suppressed = 0;
  #refused = 0;
  #droppedTold = 0;
  #closing: Promise<void> | undefined;

  constructor(options: LogOptions) {
    this.#options = options;
    this.#identity = { service: options.service, version: options.version, pod: options.pod };
    this.#now = options.now ?? Date.now;
    this.#writer = new LineWriter(options.fd, options.writer);
  }

  debug(event: LogEvent, msg: string, fields: LogFields = {}): void {
    this.#write('debug', event, msg, fields);
  }

  info(event: LogEvent, msg: string, fields: LogFields = {}): void {
    this.#write('info', event, msg, fields);
  }

  warn(event: LogEvent, msg: string, fields: LogFields = {}): void {
    this.#write('warn', event, msg, fields);
  }

  error(event: LogEvent, msg: string, fields: LogFields = {}): void {
    this.#write('error', event, msg, fields);
  }

  warnRepeated(key: string, event: LogEvent, msg: string, fields: LogFields = {}): void {
    const suppressed = this.#repeats.admit(key, this.#now());
    if (suppressed === undefined) {
      this.#suppressed += 1;
      return;
    }
    this.#write('warn', event, msg, suppressed > 0 ? { ...fields, suppressed } : fields);
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async #finish(): Promise<void> {
    const untold = this.#repeats.untold;
    if (untold > 0) this.#write('warn', 'telemetry.drop', 'log lines held back', { suppressed: untold });
    if (this.#dropped > this.#droppedTold) this.#tellDropped();
    await this.#writer.close();
  }

  get stats(): LogStats {
    return { lines: this.#lines, dropped: this.#dropped, suppressed: this.#suppressed };
  }

  #write(level: LogLevel, event: LogEvent, msg: string, fields: LogFields): void {
    if (SEVERITY[level] < SEVERITY[this.#options.level]) return;
    if (this.#dropped > this.#droppedTold && this.#writer.isRelaxed) this.#tellDropped();
    if (!this.#push(level, event, msg, fields)) this.#refused += 1;
  }

  get #dropped(): number {
    return this.#refused + this.#writer.lost;
  }

  /** Says once what is missing, when there is room again. */
  #tellDropped(): void {
    const total = this.#dropped;
    const dropped = total - this.#droppedTold;
    if (this.#push('warn', 'telemetry.drop', 'log lines dropped', { dropped }, 'report')) {
      this.#droppedTold = total;
    }
  }

  #push(
    level: LogLevel,
    event: LogEvent,
    msg: string,
    fields: LogFields,
    kind: 'line' | 'report' = 'line',
  ): boolean {
    const line = { time: this.#now(), level, event, msg, fields };
    const taken = this.#writer.push(
      this.#options.format === 'json' ? toJsonLine(line, this.#identity) : toTextLine(line),
      kind,
    );
    if (taken) this.#lines[level] += 1;
    if (level === 'error') this.#writer.hurry();
    return taken;
  }
}
