/** `turnbridge bridge`: the data plane, from its flags to its last connection. */
import { randomBytes } from 'node:crypto';
import { BrokenRoutes, BrokenTls, openBridge, type Bridge, type DrainTimes } from '../src/bridge.ts';
import { summarize, formatProblem } from '../src/config/problem.ts';
import type { Log } from '../src/telemetry/log/log.ts';
import { bridgeHelp, usableMemory } from './bridge-flag-table.ts';
import { parseBridgeFlags, type BridgeFlags } from './bridge-flags.ts';
import { isListenError, isUsageError, listenAdvice, UsageError } from './exits.ts';
import type { LeaveSignals } from './leave-signals.ts';
import { openProcessLog } from './process-log.ts';
import { VERSION } from './version.ts';

/**
 * Runs until it has drained after SIGTERM or SIGINT. Resolves with the exit code.
 * @param signals Of the process, heard from its beginning on.
 */
export async function bridge(argv: string[], signals: LeaveSignals): Promise<number> {
  let flags: BridgeFlags | undefined;
  try {
    flags = parseBridgeFlags(argv, process.env);
  } catch (error) {
    if (!(error instanceof UsageError) && !isUsageError(error)) throw error;
    console.error(`turnbridge bridge: ${error.message} (turnbridge bridge --help)`);
    return 2;
  }
  if (flags === undefined) {
    console.log(bridgeHelp());
    return 0;
  }
  const log = openProcessLog('turnbridge', flags);
  const started = await startBridge(flags, log);
  if (started === undefined) {
    await log.close();
    return 2;
  }
  await runUntilDrained(started, flags.drain, log, signals);
  // a receiver of traces that stalls would hold the process for ten seconds more: the library's timers cannot be let go
  process.exit(0);
}

/** Opens the bridge; undefined when it cannot run, and the reason was printed. */
export async function startBridge(flags: BridgeFlags, log: Log): Promise<Bridge | undefined> {
  try {
    return await openBridge({
      routes: flags.routes,
      listen: flags.listen,
      tlsFolder: flags.tlsFolder,
      opsListen: flags.opsListen,
      log,
      version: VERSION,
      nodeVersion: process.version,
      installationId: flags.installationId ?? `tb-${randomBytes(6).toString('hex')}`,
      proxy: flags.proxy,
      maxConnections: flags.maxConnections,
      budgets: flags.budgets,
      settings: flags.settings,
      telemetry: {
        ...flags.telemetry,
        revision: process.env['TURNBRIDGE_REVISION'],
        memoryLimitBytes: usableMemory(),
      },
    });
  } catch (error) {
    if (error instanceof BrokenRoutes) {
      for (const problem of error.problems) console.error(formatProblem(problem));
      console.error(
        `turnbridge bridge: not started, ${summarize(error.problems, new Set(error.problems.map(({ file }) => file)).size)}`,
      );
      return undefined;
    }
    if (error instanceof BrokenTls) {
      console.error(`turnbridge bridge: not started, no certificate for TLS: ${error.message}`);
      return undefined;
    }
    if (!isListenError(error)) throw error;
    console.error(`turnbridge bridge: ${listenAdvice(error, '--listen and --ops-listen')}`);
    return undefined;
  }
}

/** Waits for a signal, drains, closes the log. A second signal ends at once. */
export async function runUntilDrained(
  running: Bridge,
  drain: DrainTimes,
  log: Log,
  { first, second }: LeaveSignals,
): Promise<void> {
  await first;
  // a drain takes its time, also with nobody connected; who waits for the prompt should know how to leave
  if (process.stderr.isTTY) console.error('Draining. Ctrl-C again stops at once.');
  const drained = running.drain(drain);
  await Promise.race([drained, second]);
  await running.close();
  log.info('process.exit', 'bridge stopped');
  await log.close();
}
