/** A Service whose far side is not a pod but a server of the test, at an address of the sandbox. */
export interface SandboxService {
  readonly namespace: string;
  readonly name: string;
  /** Of the Service. */
  readonly port: number;
  /** Where the server listens. */
  readonly address: string;
  readonly targetPort: number;
}

/** Its objects: `http://NAME.NAMESPACE.svc:PORT` leads to the server, from pods and from tests. */
export function sandboxService({
  namespace,
  name,
  port,
  address,
  targetPort,
}: SandboxService): readonly object[] {
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace },
      spec: { ports: [{ name: 'http', port, targetPort }] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: `${name}-test`, namespace, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [address] }],
      ports: [{ name: 'http', port: targetPort }],
    },
  ];
}
