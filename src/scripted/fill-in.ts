/** Placeholders in a script's texts: `{{userText}}` and the like. */
import { inputItems, lastUserText, modelOf } from './request-view.ts';
import type { ResponseFacts } from './response-object.ts';

/** Long enough to recognise a prompt, short enough to quote. */
const maxQuotedCharacters = 60;

const values: Readonly<Record<string, (facts: ResponseFacts) => string>> = {
  responseId: (facts) => facts.responseId,
  requestNumber: (facts) => String(facts.number),
  model: (facts) => modelOf(facts.body),
  inputItems: (facts) => String(inputItems(facts.context ?? facts.body).length),
  userText: (facts) => quoted(lastUserText(facts.context ?? facts.body)),
};

/** The names that {@link fillIn} knows. */
export const placeholderNames: readonly string[] = Object.keys(values);

/** Replaces `{{name}}` of known names; everything else stays as it is. */
export function fillIn(text: string, facts: ResponseFacts): string {
  return text.replace(/\{\{(\w+)\}\}/g, (whole, name: string) => values[name]?.(facts) ?? whole);
}

/** {@link fillIn} in every string of a JSON value; keys stay. */
export function fillInValue(value: unknown, facts: ResponseFacts): unknown {
  if (typeof value === 'string') return fillIn(value, facts);
  if (Array.isArray(value)) return value.map((entry) => fillInValue(entry, facts));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, fillInValue(entry, facts)]));
}

/** The beginning of a text, on one line. */
export function quoted(text: string): string {
  const line = text.trim().replace(/\s+/g, ' ');
  const characters = Array.from(line);
  return characters.length <= maxQuotedCharacters
    ? line
    : `${characters.slice(0, maxQuotedCharacters).join('')}…`;
}
