/** Who may see the page on the ops port. A pure decision: what it looks at comes as values. */
/** `loopback`: this machine only, which a port-forward counts as. */
export type PageAccess = 'loopback' | 'public';

/** What is looked at of a request. */
export interface PageRequest {
  readonly path: string;
  readonly remoteAddress: string | undefined;
  readonly host: string | undefined;
  /** `sec-fetch-site`, `-mode` and `-dest`: only browsers send them. */
  readonly site: string | undefined;
  readonly mode: string | undefined;
  readonly destination: string | undefined;
}

const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::ffff:127.0.0.1', '::1']);

const OTHER_MACHINE =
  'this page is shown to its own machine only: reach it with kubectl port-forward, or start the bridge with --ops-page public';
const OTHER_NAME =
  'this page is shown under localhost, 127.0.0.1 and [::1] only, so that no other site can pose as it: use one of these names, or start the bridge with --ops-page public';
const OTHER_SITE = 'this page is not shown to other sites: open it in a tab of its own';

/** @returns the sentence that refuses the request, or undefined when it may see the page */
export function refusalOf(request: PageRequest, access: PageAccess): string | undefined {
  if (isFromOtherSite(request)) return OTHER_SITE;
  if (access === 'public') return undefined;
  if (!isLoopback(request.remoteAddress)) return OTHER_MACHINE;
  return isLocalName(request.host) ? undefined : OTHER_NAME;
}

/** A link that opens the page in a tab of its own is let in: what opened it cannot read it. */
function isFromOtherSite({ path, site, mode, destination }: PageRequest): boolean {
  if (site === undefined || site === 'same-origin' || site === 'none') return false;
  return !(path === '/' && mode === 'navigate' && destination === 'document');
}

/**
 * 127.0.0.1, also as an IPv6 socket writes it, or ::1. Not all of 127.0.0.0/8: Istio's sidecar hands on what comes from
 * other pods with 127.0.0.6 as the sender.
 */
function isLoopback(address: string | undefined): boolean {
  return address !== undefined && LOOPBACK.has(address.toLowerCase());
}

/** Whoever makes a name of theirs point at this machine (DNS rebinding) still sends that name. */
function isLocalName(host: string | undefined): boolean {
  return host !== undefined && /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i.test(host);
}
