/** Which routes are in effect, wherever they come from. */
import { FileFeed } from './file-feed.ts';
import type { RouteFeed, RouteFeedOptions, RouteOrigin } from './served-routes.ts';
import { SnapshotFeed } from './snapshot-feed.ts';

/** Not open yet. @param options.userAgent To an API server. */
export function toRouteFeed(
  origin: RouteOrigin,
  options: RouteFeedOptions & { readonly userAgent: string },
): RouteFeed {
  return origin.kind === 'files' ? new FileFeed(origin, options) : new SnapshotFeed(origin, options);
}
