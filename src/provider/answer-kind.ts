/** What an accepted answer is, by its content type; `other` names it for people, from a closed list. */
export type AnswerKind =
  { readonly kind: 'stream' } | { readonly kind: 'json' } | { readonly kind: 'other'; readonly name: string };

/**
 * The types that people meet in practice, so that a message can name them without repeating a provider's text. A Map,
 * because an object would also know `constructor`.
 */
const NAMES: ReadonlyMap<string, string> = new Map([
  ['text/html', 'text/html (a web page: is the URL of the provider right, base path included?)'],
  ['text/plain', 'text/plain'],
  ['application/x-ndjson', 'application/x-ndjson'],
  ['application/octet-stream', 'application/octet-stream'],
  ['application/xml', 'application/xml'],
  ['text/xml', 'text/xml'],
]);

/**
 * @param contentType The header's value, parameters included; empty if there is none.
 * @param decodable Its content encoding is one that can be read.
 */
export function answerKindOf(contentType: string, decodable: boolean): AnswerKind {
  if (!decodable) return { kind: 'other', name: 'a content encoding that nobody asked for' };
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  switch (type) {
    case 'text/event-stream':
      return { kind: 'stream' };
    case 'application/json':
      return { kind: 'json' };
    case '':
      return { kind: 'other', name: 'no content type' };
    default:
      return { kind: 'other', name: NAMES.get(type) ?? 'another content type' };
  }
}
