/** Namespaces end in their own time; what a test made in one ends now, so that the next test file does not see it. */
import type { Api } from './api.ts';

/** What the product reads, and what it writes. */
const collections = [
  '/apis/turnbridge.dev/v1alpha1/namespaces/NAME/responsesroutes',
  '/api/v1/namespaces/NAME/secrets',
  '/api/v1/namespaces/NAME/configmaps',
  '/apis/coordination.k8s.io/v1/namespaces/NAME/leases',
  '/apis/discovery.k8s.io/v1/namespaces/NAME/endpointslices',
  '/apis/rbac.authorization.k8s.io/v1/namespaces/NAME/rolebindings',
  '/apis/rbac.authorization.k8s.io/v1/namespaces/NAME/roles',
];

/**
 * Deletes what is in it, then asks for its own end, which a controller completes where one runs.
 * @throws Error when the API server cannot be reached; refusals are not looked at.
 */
export async function endNamespace(api: Api, name: string): Promise<void> {
  for (const path of collections) await api.ask({ method: 'DELETE', path: path.replace('NAME', name) });
  await api.ask({ method: 'DELETE', path: `/api/v1/namespaces/${name}` });
}
