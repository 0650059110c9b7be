/** From what src/kube announces to the metrics that controllers have in common, and to those of its watches. */
import type { KubeFact, KubeFacts } from '../../kube/kube-facts.ts';
import type { Meter } from '../metrics/meter.ts';
import { OPERATOR_CATALOGUE as CATALOGUE } from './operator-catalogue.ts';

/** What a work queue says of itself when it is asked. */
export interface QueueGauges {
  readonly depth: number;
  readonly activeWorkers: number;
  readonly unfinishedSeconds: number;
  readonly longestRunningSeconds: number;
}

/** As controller-runtime names them. */
const RESULTS = ['success', 'error', 'requeue', 'requeue_after'] as const;

type QueueOutcome = Extract<KubeFact, { kind: 'queue.ended' }>['outcome'];

const RESULT_OF: Readonly<Record<QueueOutcome, (typeof RESULTS)[number]>> = {
  success: 'success',
  requeue_after: 'requeue_after',
  error: 'error',
  deadline: 'error',
};

/** @param queues names of the work queues, which are the controllers too: their series are there with 0 */
export function kubeMetrics(meter: Meter, queues: readonly string[]): KubeFacts {
  const onQueue = queueMetrics(meter, queues);
  const onWatch = watchMetrics(meter);
  const requests = meter.counter(CATALOGUE.requests);
  const durations = meter.histogram(CATALOGUE.requestDuration);
  const events = meter.counter(CATALOGUE.events);
  return (fact) => {
    onQueue(fact);
    onWatch(fact);
    if (fact.kind === 'request.ended') {
      const { method, host, status, seconds } = fact;
      // the word that client-go has for it
      requests.add({ code: status === undefined ? '<error>' : String(status), method, host });
      durations.observe({ verb: method, host }, seconds);
    }
    if (fact.kind === 'event.sent') events.add({ result: fact.how });
    if (fact.kind === 'event.dropped') events.add({ result: fact.why });
  };
}

function queueMetrics(meter: Meter, queues: readonly string[]): KubeFacts {
  const named = queues.map((name) => ({ name }));
  const controllers = queues.map((controller) => ({ controller }));
  const adds = meter.counter(CATALOGUE.queueAdds, named);
  const waited = meter.histogram(CATALOGUE.queueDuration, named);
  const worked = meter.histogram(CATALOGUE.workDuration, named);
  const retries = meter.counter(CATALOGUE.retries, named);
  const reconciles = meter.counter(
    CATALOGUE.reconciles,
    queues.flatMap((controller) => RESULTS.map((result) => ({ controller, result }))),
  );
  const errors = meter.counter(CATALOGUE.reconcileErrors, controllers);
  meter.counter(CATALOGUE.terminalErrors, controllers);
  const times = meter.histogram(CATALOGUE.reconcileTime, controllers);
  return (fact) => {
    switch (fact.kind) {
      case 'queue.added':
        adds.add({ name: fact.queue });
        break;
      case 'queue.taken':
        waited.observe({ name: fact.queue }, fact.waitedSeconds);
        break;
      case 'queue.retried':
        retries.add({ name: fact.queue });
        break;
      case 'queue.ended': {
        const { queue, workSeconds, outcome } = fact;
        const result = RESULT_OF[outcome];
        worked.observe({ name: queue }, workSeconds);
        times.observe({ controller: queue }, workSeconds);
        reconciles.add({ controller: queue, result });
        if (result === 'error') errors.add({ controller: queue });
        break;
      }
      default:
    }
  };
}

function watchMetrics(meter: Meter): KubeFacts {
  const lists = meter.counter(CATALOGUE.lists);
  const watches = meter.counter(CATALOGUE.watches);
  const ends = meter.counter(CATALOGUE.watchEnds);
  const events = meter.counter(CATALOGUE.watchEvents);
  return (fact) => {
    switch (fact.kind) {
      case 'list.ended':
        lists.add({ resource: fact.resource, result: fact.ok ? 'success' : 'error' });
        break;
      case 'watch.opened':
        watches.add({ resource: fact.resource });
        break;
      case 'watch.ended':
        ends.add({ resource: fact.resource, reason: fact.reason });
        break;
      case 'watch.event':
        events.add({ resource: fact.resource, type: fact.type });
        break;
      default:
    }
  };
}

/** Registers what is asked of queues at each scrape. */
export function queueGauges(
  meter: Meter,
  queues: Readonly<Record<string, QueueGauges>>,
  concurrency: Readonly<Record<string, number>>,
): void {
  const perQueue = (read: (queue: QueueGauges) => number) => () =>
    Object.entries(queues).map(([name, queue]) => ({ labels: { name }, value: read(queue) }));
  meter.readGauge(
    CATALOGUE.queueDepth,
    perQueue(({ depth }) => depth),
  );
  meter.readGauge(
    CATALOGUE.unfinished,
    perQueue(({ unfinishedSeconds }) => unfinishedSeconds),
  );
  meter.readGauge(
    CATALOGUE.longestRunning,
    perQueue(({ longestRunningSeconds }) => longestRunningSeconds),
  );
  meter.readGauge(CATALOGUE.activeWorkers, () =>
    Object.entries(queues).map(([controller, { activeWorkers }]) => ({
      labels: { controller },
      value: activeWorkers,
    })),
  );
  meter.readGauge(CATALOGUE.maxConcurrent, () =>
    Object.entries(concurrency).map(([controller, value]) => ({ labels: { controller }, value })),
  );
}
