/** A client of the fake API server, without a kubeconfig and without the library that reads one. */
import { createKubeClient } from '../../src/kube/kube-client.ts';
import type { KubeClient } from '../../src/kube/kube-client.ts';
import type { KubeClock } from '../../src/kube/kube-clock.ts';
import type { KubeCredentials } from '../../src/kube/kube-credentials.ts';
import type { KubeFact } from '../../src/kube/kube-facts.ts';
import type { FakeKube } from './fake-kube.ts';

export interface TestKubeClient extends KubeClient, AsyncDisposable {
  /** All that it announced, oldest first. */
  readonly facts: KubeFact[];
  /** The token of the next requests; `renewedToken` is what it reads after a 401. */
  token: string;
  renewedToken: string;
}

/** Use with `await using`: it closes with the test. */
export function kubeClientOf(kube: Pick<FakeKube, 'url' | 'ca'>, clock?: KubeClock): TestKubeClient {
  const facts: KubeFact[] = [];
  const state = { token: 'token-1', renewedToken: 'token-1' };
  const read = (): Promise<KubeCredentials> =>
    Promise.resolve({
      server: kube.url,
      headers: { authorization: `Bearer ${state.token}` },
      tls: { ca: kube.ca },
    });
  const client = createKubeClient({
    credentials: {
      current: read,
      renew: () => {
        state.token = state.renewedToken;
        return read();
      },
    },
    facts: (fact) => void facts.push(fact),
    userAgent: 'turnbridge-test',
    clock,
  });
  return Object.assign(state, {
    facts,
    request: client.request.bind(client),
    watch: client.watch.bind(client),
    close: () => client.close(),
    [Symbol.asyncDispose]: () => client.close(),
  });
}
