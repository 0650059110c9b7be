/** What the GenAI conventions call a provider. */

/** Hosts, or the ends of hosts, of providers that the conventions know by name. */
const WELL_KNOWN: readonly (readonly [host: string, name: string])[] = [
  ['api.openai.com', 'openai'],
  ['chatgpt.com', 'openai'],
  ['openai.azure.com', 'azure.ai.openai'],
  ['cognitiveservices.azure.com', 'azure.ai.openai'],
  ['services.ai.azure.com', 'azure.ai.inference'],
  ['generativelanguage.googleapis.com', 'gcp.gemini'],
  ['api.anthropic.com', 'anthropic'],
  ['api.x.ai', 'x_ai'],
  ['api.groq.com', 'groq'],
  ['api.deepseek.com', 'deepseek'],
  ['api.mistral.ai', 'mistral_ai'],
  ['api.perplexity.ai', 'perplexity'],
  ['api.moonshot.ai', 'moonshot_ai'],
];

/**
 * @param provider its configured name
 * @param origin of its url, such as `https://api.openai.com`
 * @returns the name by the conventions if the host is one of theirs, else the configured name
 */
export function genaiProviderName(provider: string, origin: string): string {
  const host = hostOf(origin);
  const known = WELL_KNOWN.find(([end]) => host === end || host.endsWith(`.${end}`));
  return known?.[1] ?? provider;
}

/** @returns the host of an origin, without brackets and port; empty when there is none */
export function hostOf(origin: string): string {
  return (URL.parse(origin)?.hostname ?? '').replace(/^\[|\]$/g, '');
}
