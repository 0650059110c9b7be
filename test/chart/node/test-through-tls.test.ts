/** `helm test` of a release whose bridge speaks TLS itself, with a certificate that only its own authority vouches for. */
import { expect, test } from '@jest/globals';
import { runCommand } from '../../harness/run-command.ts';
import { nodePlace } from '../node-place.ts';
import { selfSigned, tlsSecret } from '../self-signed.ts';
import { useNode } from '../use-node.ts';

const node = useNode();

test('the turn goes by https to the name that the certificate has, and the authority is the one beside it', async () => {
  const namespace = await node.namespace({ enforce: 'restricted' });
  const pair = await selfSigned(`turnbridge.${namespace}.svc.cluster.local`);
  await node.apply(tlsSecret('bridge-tls', pair), namespace);
  const bridge = {
    bridgeName: namespace, // an operator reads the routes of all namespaces
    replicas: 1,
    resources: { requests: { cpu: '100m', memory: '128Mi' } },
    tls: { enabled: true, existingSecret: 'bridge-tls' },
  };
  await node.install({ namespace, values: { bridge, demo: { enabled: true } } });
  const { code, output } = await runCommand(nodePlace().helm[4], ['test', 'turnbridge', '-n', namespace], {
    timeoutMs: 120_000,
  });
  expect({ code, output }).toMatchObject({ code: 0 });
  expect(output).toContain('Say hello to the test of a Helm release');
}, 240_000);
