/** `turnbridge operator`: the control plane, from its flags to the Lease it gives back. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { openKubeClient } from '../src/kube/open-kube-client.ts';
import { openOperator, type Operator } from '../src/operator.ts';
import { installationIdOf } from '../src/operator/installation-id.ts';
import type { Log } from '../src/telemetry/log/log.ts';
import { isListenError, isUsageError, listenAdvice, UsageError } from './exits.ts';
import type { LeaveSignals } from './leave-signals.ts';
import { operatorHelp } from './operator-flag-table.ts';
import { parseOperatorFlags, type OperatorFlags } from './operator-flags.ts';
import { openProcessLog } from './process-log.ts';
import { VERSION } from './version.ts';

/** What a pod is given to end in, less a moment for the log. */
const MAX_CLOSING_MS = 28_000;

/**
 * Runs until a signal, or until the Lease is lost. Resolves with the exit code.
 * @param signals Of the process, heard from its beginning on.
 */
export async function operator(argv: string[], signals: LeaveSignals): Promise<number> {
  let flags: OperatorFlags | undefined;
  try {
    flags = parseOperatorFlags(argv, process.env);
  } catch (error) {
    if (!(error instanceof UsageError) && !isUsageError(error)) throw error;
    console.error(`turnbridge operator: ${error.message} (turnbridge operator --help)`);
    return 2;
  }
  if (flags === undefined) {
    console.log(operatorHelp());
    return 0;
  }
  const log = openProcessLog('turnbridge-operator', flags);
  const running = await startOperator(flags, log);
  if (running === undefined) {
    await log.close();
    return 2;
  }
  process.exit(await runUntilEnded(running, log, signals));
}

/** Undefined when it cannot run, and the reason was printed. */
async function startOperator(flags: OperatorFlags, log: Log): Promise<Operator | undefined> {
  const { cluster, bridgeName, snapshotSecret, lease } = flags;
  try {
    return await openOperator({
      openClient: (facts) => openClient(cluster, facts),
      bridgeName,
      snapshotSecret,
      namespaces: flags.namespaces,
      sidecars: flags.sidecars,
      lease,
      ownerServiceAccount: flags.ownerServiceAccount,
      demoProvider: flags.demoProvider,
      identity: flags.identity ?? `${hostname()}_${randomBytes(4).toString('hex')}`,
      installation:
        flags.installationId ??
        installationIdOf({
          lease: `${snapshotSecret.namespace}/${lease}`,
          snapshotSecret: `${snapshotSecret.namespace}/${snapshotSecret.name}`,
          bridgeName,
        }),
      opsListen: flags.opsListen,
      log,
      version: VERSION,
      nodeVersion: process.version,
      revision: process.env['TURNBRIDGE_REVISION'],
    });
  } catch (error) {
    if (error instanceof UsageError) console.error(`turnbridge operator: ${error.message}`);
    else if (isListenError(error))
      console.error(`turnbridge operator: ${listenAdvice(error, '--ops-listen')}`);
    else throw error;
    return undefined;
  }
}

/** Credentials that cannot be read are the user's to mend. */
async function openClient(
  cluster: OperatorFlags['cluster'],
  facts: Parameters<typeof openKubeClient>[0]['facts'],
): ReturnType<typeof openKubeClient> {
  const place =
    cluster.kind === 'kubeconfig' ? { kubeconfig: cluster.path, context: cluster.context } : undefined;
  try {
    return await openKubeClient({ ...place, facts, userAgent: `turnbridge-operator/${VERSION}` });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'the cluster could not be read', {
      cause: error,
    });
  }
}

/** A second signal ends at once. */
async function runUntilEnded(running: Operator, log: Log, { first, second }: LeaveSignals): Promise<number> {
  const ended = await Promise.race([
    first.then(() => 'asked' as const),
    running.lost.then(() => 'lost' as const),
  ]);
  const closed = running.close().then(() => 'closed' as const);
  const late = new Promise<'late'>((resolve) => {
    setTimeout(() => resolve('late'), MAX_CLOSING_MS);
  });
  const how = await Promise.race([closed, late, second.then(() => 'asked' as const)]);
  log.info('process.exit', 'operator stopped', { closed: how === 'closed' });
  await log.close();
  return ended === 'lost' ? 1 : 0;
}
