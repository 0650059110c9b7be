/** The log of a process, on standard output, as its flags say. */
import { hostname } from 'node:os';
import { openLog, type Log } from '../src/telemetry/log/log.ts';
import { VERSION } from './version.ts';

export interface LogFlags {
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  /** `auto`: text on a terminal. */
  readonly logFormat: 'json' | 'text' | 'auto';
}

/** @param service as in every line */
export function openProcessLog(service: string, { logFormat, logLevel }: LogFlags): Log {
  return openLog({
    fd: 1,
    format: logFormat === 'auto' ? (process.stdout.isTTY ? 'text' : 'json') : logFormat,
    level: logLevel,
    service,
    version: VERSION,
    pod: process.env['POD_NAME'] ?? hostname(),
  });
}
