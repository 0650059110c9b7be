/** Values that are refused: by the schema with Helm's words, and where they contradict one another with a sentence. */
import { describe, expect, test } from '@jest/globals';
import { render, renderFailure, type Values } from '../render.ts';

const keda = { type: 'KEDA', targetTurnsInFlight: 5 };
const stuck = { strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: '0%' } } };

/** What is written, and what the sentence says: where, and what to write instead. */
const contradictions: readonly (readonly [title: string, values: Values, words: readonly string[]])[] = [
  [
    'a grace period that ends before the drain',
    { bridge: { terminationGracePeriodSeconds: 3600 } },
    ['bridge.terminationGracePeriodSeconds is 3600', 'drainDeadline (3600)', 'write 3625 or more'],
  ],
  [
    'a drain that is longer than the grace period by the default of an empty flag',
    { bridge: { terminationGracePeriodSeconds: 3600, flags: { drainDeadline: null, drainLinger: 0 } } },
    ['bridge.terminationGracePeriodSeconds is 3600'],
  ],
  [
    'a hook that takes the time of the drain',
    { bridge: { lifecycle: { preStop: { sleep: { seconds: 600 } } } } },
    ['preStop.sleep.seconds (600)', 'write 4225 or more'],
  ],
  [
    'turns that are cut before idle clients are closed',
    { bridge: { flags: { drainDelay: 30, drainSpread: 30, drainDeadline: 60 } } },
    ['bridge.flags.drainDeadline is 60', 'drainDelay (30)', 'drainSpread (30)'],
  ],
  [
    'more pods at least than at most',
    { bridge: { autoscaling: { type: 'HPA', minReplicas: 5, maxReplicas: 4 } } },
    ['minReplicas is 5 and maxReplicas 4'],
  ],
  [
    'an HPA without a metric',
    { bridge: { autoscaling: { type: 'HPA', targetCPUUtilizationPercentage: '' } } },
    ['nothing to scale by', 'targetTurnsInFlight'],
  ],
  [
    'a share of a CPU request that is not there',
    { bridge: { autoscaling: { type: 'HPA' }, resources: { requests: { cpu: null } } } },
    ['bridge.resources.requests.cpu', 'missing'],
  ],
  [
    'KEDA without a trigger',
    { bridge: { autoscaling: { type: 'KEDA' } } },
    ['nothing to scale by', 'prometheusAddress'],
  ],
  [
    'KEDA without a Prometheus',
    { bridge: { autoscaling: keda } },
    ['prometheusAddress', 'http://prometheus.monitoring:9090'],
  ],
  [
    'TLS without a certificate',
    { bridge: { tls: { enabled: true } } },
    ['bridge.tls.existingSecret is empty', 'kubernetes.io/tls'],
  ],
  ['one port for two things', { bridge: { containerPorts: { http: 9464 } } }, ['http and ops are both 9464']],
  [
    'a node port of a ClusterIP',
    { bridge: { service: { nodePort: 30_080 } } },
    ['bridge.service.nodePort', 'ClusterIP'],
  ],
  [
    'a class of a balancer that is none',
    { bridge: { service: { loadBalancerClass: 'a' } } },
    ['bridge.service.loadBalancerClass', 'LoadBalancer'],
  ],
  [
    'sources of a balancer that is none',
    { bridge: { service: { type: 'NodePort', loadBalancerSourceRanges: ['192.0.2.0/24'] } } },
    ['bridge.service.loadBalancerSourceRanges', 'NodePort'],
  ],
  [
    'an outer policy of a ClusterIP',
    { bridge: { service: { externalTrafficPolicy: 'Local' } } },
    ['bridge.service.externalTrafficPolicy'],
  ],
  [
    'an update of bridges that can replace no pod',
    { bridge: stuck },
    ['bridge.strategy.rollingUpdate', 'both 0'],
  ],
  [
    'an update of operators that can replace no pod',
    { operator: stuck },
    ['operator.strategy.rollingUpdate', 'both 0'],
  ],
  [
    'no operator, and nobody else who writes routes',
    { operator: { enabled: false } },
    ['operator.enabled is false', 'bridge.snapshotSecret'],
  ],
  [
    'namespaces for an operator that is not there',
    { operator: { enabled: false, watchNamespaces: ['a'] }, bridge: { snapshotSecret: 'a' } },
    ['operator.watchNamespaces'],
  ],
  [
    'rights for the account that everybody has',
    { bridge: { serviceAccount: { create: false } } },
    ['bridge.serviceAccount.name is empty', 'default'],
  ],
  [
    'the rights of the operator for the bridge',
    { bridge: { serviceAccount: { name: 'a' } }, operator: { serviceAccount: { name: 'a' } } },
    ['are both a', 'Write two names'],
  ],
];

/** What is wrong by itself, and where Helm says that it is. */
const mistakes: readonly (readonly [title: string, values: Values, words: readonly string[]])[] = [
  ['a misspelt flag', { bridge: { flags: { pingIntervall: 5 } } }, ['/bridge/flags', 'pingIntervall']],
  ['a misspelt section', { ingres: {} }, ['ingres']],
  [
    'a flag of the bridge at the operator',
    { operator: { flags: { pingInterval: 5 } } },
    ['/operator/flags', 'pingInterval'],
  ],
  ['a text for a number', { bridge: { replicas: 'two' } }, ['/bridge/replicas', 'got string, want integer']],
  [
    'a number below its least',
    { bridge: { flags: { maxConnections: 0 } } },
    ['/bridge/flags/maxConnections', 'minimum'],
  ],
  [
    'a port that there is not',
    { bridge: { service: { port: 65_536 } } },
    ['/bridge/service/port', 'maximum'],
  ],
  ['a share above all', { bridge: { flags: { traceRatio: 1.5 } } }, ['/bridge/flags/traceRatio', 'maximum']],
  [
    'a word that is no choice',
    { bridge: { autoscaling: { type: 'VPA' } } },
    ['/bridge/autoscaling/type', "'None', 'HPA', 'KEDA'"],
  ],
  ['a text for a switch', { crds: { keep: 'yes' } }, ['/crds/keep', 'want boolean']],
  ['a map for a list', { bridge: { tolerations: { key: 'a' } } }, ['/bridge/tolerations', 'want array']],
  [
    'a number for a name in a list',
    { operator: { watchNamespaces: [1] } },
    ['/operator/watchNamespaces/0', 'want string'],
  ],
  [
    'a bridge that no route could name',
    { bridge: { bridgeName: 'My Bridge' } },
    ['/bridge/bridgeName', 'pattern'],
  ],
  [
    'a bridge of a name too long',
    { bridge: { bridgeName: 'a'.repeat(64) } },
    ['/bridge/bridgeName', 'pattern'],
  ],
  [
    'a percentage with its sign',
    { bridge: { autoscaling: { type: 'HPA', targetCPUUtilizationPercentage: '70%' } } },
    ['targetCPUUtilizationPercentage', 'pattern'],
  ],
  [
    'no turn for a pod',
    { bridge: { autoscaling: { type: 'HPA', targetTurnsInFlight: 0 } } },
    ['targetTurnsInFlight', 'minimum'],
  ],
  ['a digest that is none', { image: { digest: 'latest' } }, ['/image/digest', 'pattern']],
];

describe('a contradiction is refused with a sentence:', () => {
  test.each(contradictions)('%s', async (_title, values, words) => {
    const sentence = await renderFailure(values);
    for (const part of words) expect(sentence).toContain(part);
    const old = await renderFailure(values, { helm: 'helm3' });
    for (const part of words) expect(old).toContain(part);
  });
});

describe('a mistake is refused with its place:', () => {
  test.each(mistakes)('%s', async (_title, values, words) => {
    const sentence = await renderFailure(values);
    for (const part of words) expect(sentence).toContain(part);
  });
});

test('a drain that just fits is taken', async () => {
  const flags = { drainDelay: 1, drainSpread: 1, drainDeadline: 3, drainLinger: 0 };
  await expect(render({ bridge: { flags, terminationGracePeriodSeconds: 8 } })).resolves.toBeDefined();
  expect(await renderFailure({ bridge: { flags, terminationGracePeriodSeconds: 7 } })).toContain(
    'write 8 or more',
  );
});
