/** The log lines of the operator. */
import type { KubeFacts } from '../../kube/kube-facts.ts';
import type { OperatorFactListener } from '../../operator/facts.ts';
import { errorFields } from '../log/error-fields.ts';
import type { Log } from '../log/log.ts';

/** Pods that one line names. */
const MAX_PODS_NAMED = 5;

const SIZE_MESSAGES = {
  NearlyFull: 'snapshot nearly as large as a Secret can be',
  Full: 'snapshot full: routes are left out',
} as const;

/** What became of the Lease, of watches and of failures. Messages of src/kube may be shown: they hold no body. */
export function kubeLog(log: Log): KubeFacts {
  return (fact) => {
    switch (fact.kind) {
      case 'lease.changed': {
        const fields = { lease: fact.lease, state: fact.state, why: fact.why };
        if (fact.state === 'lost')
          log.error('operator.lease', 'lease lost: nothing is written any more', fields);
        else log.info('operator.lease', 'lease changed', fields);
        break;
      }
      case 'lease.holder':
        log.info('operator.lease', 'lease seen', {
          lease: fact.lease,
          holder: fact.holder === '' ? 'nobody' : fact.holder,
        });
        break;
      case 'lease.unowned':
        log.warn('operator.owner', 'lease cannot be given its owner: it stays when this installation goes', {
          lease: fact.lease,
          reason: messageOf(fact.error),
        });
        break;
      case 'lease.tried':
        if (fact.result === 'error')
          log.warnRepeated('lease', 'operator.lease', 'lease not reached', {
            lease: fact.lease,
            reason: messageOf(fact.error),
          });
        break;
      case 'reflector.waiting':
        log.warnRepeated(`reflector ${fact.resource}`, 'operator.watch', 'list or watch failed', {
          resource: fact.resource,
          next: fact.next,
          retry_ms: Math.round(fact.ms),
          reason: fact.error,
        });
        break;
      case 'reflector.threw':
        log.error('bridge.mistake', 'the operator made a mistake', {
          resource: fact.resource,
          where: fact.where,
          object: fact.key,
          ...errorFields(fact.error),
        });
        break;
      case 'queue.ended':
        if (fact.outcome === 'error' || fact.outcome === 'deadline')
          log.warnRepeated(`queue ${fact.queue}`, 'operator.reconcile', 'reconcile failed: tried again', {
            queue: fact.queue,
            object: fact.key,
            reason: messageOf(fact.error),
          });
        break;
      case 'queue.refused':
        log.warnRepeated('queue full', 'operator.reconcile', 'too many keys: not taken', {
          queue: fact.queue,
          object: fact.key,
        });
        break;
      case 'event.dropped':
        log.warnRepeated(`event ${fact.why}`, 'operator.event', 'Kubernetes event dropped', {
          why: fact.why,
          reason: fact.reason,
        });
        break;
      default:
    }
  };
}

/** What became of snapshots and routes. */
export function operatorLog(log: Log): OperatorFactListener {
  const listeners = [snapshotLog(log), routeLog(log), installationLog(log)];
  return (fact) => {
    for (const listener of listeners) listener(fact);
  };
}

/** From the Secret to the pods. */
function snapshotLog(log: Log): OperatorFactListener {
  /** Of each Secret, as it was told last. */
  const levels = new Map<string, string>();
  return (fact) => {
    switch (fact.kind) {
      case 'snapshot.written':
        log.info('operator.snapshot', 'snapshot written', {
          secret: fact.secret,
          snapshot: fact.version,
          generation: fact.generation,
          routes: fact.routes,
          bytes: fact.bytes,
          duration_ms: Math.round(fact.seconds * 1000),
        });
        break;
      case 'snapshot.compiled':
        if (fact.level !== 'Normal' && fact.level !== levels.get(fact.secret))
          log.warn('operator.snapshot', SIZE_MESSAGES[fact.level], {
            secret: fact.secret,
            bytes: fact.bytes,
            routes: fact.routes,
            left_out: fact.leftOut,
          });
        levels.set(fact.secret, fact.level);
        break;
      case 'snapshot.foreign':
        log.error('operator.snapshot', 'snapshot not written: the Secret is not ours', {
          secret: fact.secret,
          reason: fact.sentence,
        });
        break;
      case 'snapshot.ours':
        log.info('operator.snapshot', 'the Secret is ours again', { secret: fact.secret });
        break;
      case 'pods.confirmed':
        if (fact.pods === 0) break;
        log.debug('operator.pods', 'all ready pods serve the snapshot', {
          secret: fact.secret,
          pods: fact.pods,
        });
        break;
      case 'pods.behind':
        if (fact.isRepeated) break;
        log.warn('operator.pods', 'pods do not serve the snapshot', {
          secret: fact.secret,
          pods: fact.pods,
          behind: fact.behind.length,
          names: fact.behind.slice(0, MAX_PODS_NAMED).join(' '),
        });
        break;
      default:
    }
  };
}

/** What an installation leaves behind, and what it brings along. */
function installationLog(log: Log): OperatorFactListener {
  return (fact) => {
    switch (fact.kind) {
      case 'owner.missing':
        log.warn('operator.owner', 'written without a living owner', {
          namespace: fact.namespace,
          reason: fact.sentence,
        });
        break;
      case 'owner.found':
        log.info('operator.owner', 'owner found', { namespace: fact.namespace, account: fact.account });
        break;
      case 'demo.made':
        log.info('operator.demo', 'demo route made', { route: fact.route, url: fact.url });
        break;
      case 'demo.hindered':
        log.warn('operator.demo', 'no demo route', {
          route: fact.route,
          state: fact.state,
          reason: fact.sentence,
        });
        break;
      default:
    }
  };
}

/** What is said of routes, and what could not be known of them. */
function routeLog(log: Log): OperatorFactListener {
  return (fact) => {
    switch (fact.kind) {
      case 'status.written':
        log.info('operator.status', 'status written', {
          route: fact.route,
          ready: fact.ready,
          reason: fact.reason,
        });
        break;
      case 'statuses.contested':
        log.warn('operator.status', 'somebody else writes statuses too: written more and more seldom', {
          route: fact.route,
          routes: fact.routes,
          reason:
            'is there a second operator for this bridge name? stop one of the two, or give one another name (--bridge-name)',
        });
        break;
      case 'namespace.unreadable':
        log.error('operator.watch', 'namespace unreadable: its routes are served as they were', {
          namespace: fact.namespace,
          kind: fact.resource,
          reason: fact.reason,
        });
        break;
      case 'namespace.readable':
        log.info('operator.watch', 'namespace readable again', {
          namespace: fact.namespace,
          kind: fact.resource,
        });
        break;
      case 'mistake':
        log.error('bridge.mistake', 'the operator made a mistake', errorFields(fact.error));
        break;
      default:
    }
  };
}

/** Of a KubeError, which may be shown; of any other error its name alone. */
function messageOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('name' in error)) return typeof error;
  return error.name === 'KubeError' && 'message' in error ? String(error.message) : String(error.name);
}
