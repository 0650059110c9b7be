/** What an accepted answer is, by its content type; `other` names it for people, from a closed list. */
export type AnswerKind =
  { readonly kind: 'stream' } | { readonly kind: 'json' } | { readonly kind: 'other'; readonly name: string };

/** The types that people meet in practice, so that a message can name them without repeating a provider's text. */
const NAMES: Readonly<Record<string, string>> = {
  'text/html': 'text/html (a web page: is the URL of the provider right, base path included?)',
  'text/plain': 'text/plain',
  'application/x-ndjson': 'application/x-ndjson',
  'application/octet-stream': 'application/octet-stream',
  'application/xml': 'application/xml',
  'text/xml': 'text/xml',
};

/** @param contentType The header's value, parameters included. */
export function answerKindOf(contentType: string | undefined): AnswerKind {
  const type = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  switch (type) {
    case 'text/event-stream':
      return { kind: 'stream' };
    case 'application/json':
      return { kind: 'json' };
    case '':
      return { kind: 'other', name: 'no content type' };
    default:
      return { kind: 'other', name: NAMES[type] ?? 'another content type' };
  }
}
