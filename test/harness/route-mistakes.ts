/**
 * Every mistake in a route that `turnbridge check` finds, each in a route that has no other: what the check says, and
 * who says it in a cluster. docs/route-mistakes.md is printed from it; tests hold the check, the decisions of the
 * operator and a real API server against it.
 */
import { CLIENT_MISTAKES } from './mistakes/client-mistakes.ts';
import { FORM_MISTAKES } from './mistakes/form-mistakes.ts';
import type { Fields, RouteMistake } from './mistakes/mistake-row.ts';
import { OTHER_ROUTE_MISTAKES } from './mistakes/other-route-mistakes.ts';
import { PASSED_MISTAKES } from './mistakes/passed-mistakes.ts';
import { PROVIDER_MISTAKES } from './mistakes/provider-mistakes.ts';
import { REFERENCE_MISTAKES } from './mistakes/reference-mistakes.ts';
import { REQUEST_MISTAKES } from './mistakes/request-mistakes.ts';
import { TRANSPORT_MISTAKES } from './mistakes/transport-mistakes.ts';

/** All of them, section by section. */
export const ROUTE_MISTAKES: readonly RouteMistake[] = (
  [
    ['form', FORM_MISTAKES],
    ['requests', REQUEST_MISTAKES],
    ['clients', CLIENT_MISTAKES],
    ['providers', PROVIDER_MISTAKES],
    ['providers', TRANSPORT_MISTAKES],
    ['what else passes', PASSED_MISTAKES],
    ['references', REFERENCE_MISTAKES],
    ['other routes', OTHER_ROUTE_MISTAKES],
  ] as const
).flatMap(([section, mistakes]) => mistakes.map((mistake) => ({ ...mistake, section })));

/** The route with the mistake, as an object of a namespace. */
export function toDocument(
  { apiVersion = 'turnbridge.dev/v1alpha1', metadata = { name: 'route' }, spec }: RouteMistake,
  namespace: string,
): Fields {
  return { apiVersion, kind: 'ResponsesRoute', metadata: { ...metadata, namespace }, spec };
}

/** What stands beside it; where no other namespace is named, in the same one. */
export function besides({ beside = [] }: RouteMistake, namespace: string): readonly Fields[] {
  return beside.map((object) => ({
    ...object,
    metadata: { namespace, ...(object['metadata'] as Fields) },
  }));
}
