/** Objects of the chart as the tests of this folder want them: rendered for an ingress or a gateway, pings off. */
import { render, type KubeObject, type Values } from '../render.ts';

/** In the values of every test: only the proxy's settings may keep a socket. */
const pingless = { bridge: { flags: { pingInterval: 0, keepaliveInterval: 0 } } };

/** The release's name, and so that of most of its objects. */
export const RELEASE = 'turnbridge';

/** What `ingress.preset` renders. */
export function renderPreset(
  preset: string,
  ingress: Values = {},
  namespace?: string,
): Promise<KubeObject[]> {
  const values = { ...pingless, ingress: { enabled: true, preset, hosts: ['held.test'], ...ingress } };
  return render(values, { release: RELEASE, ...(namespace !== undefined && { namespace }) });
}

/** What `httpRoute` renders. */
export function renderRoute(
  implementation: string,
  httpRoute: Values = {},
  namespace?: string,
): Promise<KubeObject[]> {
  const values = {
    ...pingless,
    httpRoute: { enabled: true, implementation, parentRefs: [{ name: 'gateway' }], ...httpRoute },
  };
  return render(values, { release: RELEASE, ...(namespace !== undefined && { namespace }) });
}

/** The object of this kind that has the release's name. @throws Error when it was not rendered. */
export function rendered(objects: readonly KubeObject[], kind: string): KubeObject {
  const found = objects.find((each) => each.kind === kind && each.metadata.name === RELEASE);
  if (found === undefined) throw new Error(`the chart rendered no ${kind} ${RELEASE}`);
  return found;
}

/** Its `spec`. */
export function specOf(objects: readonly KubeObject[], kind: string): unknown {
  return rendered(objects, kind)['spec'];
}

export function annotationsOf(
  objects: readonly KubeObject[],
  kind: string,
): Readonly<Record<string, string>> {
  return rendered(objects, kind).metadata.annotations ?? {};
}
