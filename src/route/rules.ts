/**
 * What a schema cannot say: rules that tie fields together, and warnings of what is legal but surely not meant.
 * A rule judges the sections that are sound and is silent about the rest.
 */
import type { RouteSections } from './check-resource.ts';
import { clientRules } from './client-rules.ts';
import { headerPassthroughRules } from './header-rules.ts';
import { matchRules } from './match-rules.ts';
import type { Problem } from './problem.ts';
import { providerListRules, providerRules } from './provider-rules.ts';
import type { RuleOptions } from './provider-rules.ts';
import { relayRules } from './relay-rules.ts';
import { failoverRules } from './failover-rules.ts';
import { limitRules } from './limit-rules.ts';

/** Judges one route. Errors keep it from being served. Never throws. */
export function checkRules(sections: RouteSections, options: RuleOptions): readonly Problem[] {
  return [
    ...matchRules(sections),
    ...clientRules(sections),
    ...(sections.providers ?? []).flatMap((provider, index) =>
      providerRules(provider, index, sections, options),
    ),
    ...providerListRules(sections),
    ...headerPassthroughRules(sections),
    ...relayRules(sections),
    ...failoverRules(sections),
    ...limitRules(sections),
  ];
}
