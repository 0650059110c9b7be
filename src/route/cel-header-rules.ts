/** Which headers may be named where, in CEL: header-rules.ts and match-rules.ts say the same of files. */
import { celList, celText } from './cluster-meta.ts';
import type { CelRule } from './cluster-meta.ts';
import {
  CREDENTIAL_HEADERS,
  HIDDEN_HEADERS,
  KEY_HEADERS,
  RESERVED_HEADERS,
  WRITTEN_HEADERS,
} from './header-names.ts';

const RESERVED = isOneOf('self', RESERVED_HEADERS);
const NEVER_PASSED = isOneOf('self', [...RESERVED_HEADERS, ...WRITTEN_HEADERS]);

/** `match.headers[].name`. */
export const MATCHED_HEADER: CelRule = {
  rule: `!(${RESERVED})`,
  says: about('self', ' belongs to the connection and cannot choose a route; use another header'),
  reason: 'Invalid',
};

/** `providers[].auth.header.name`. */
export const KEY_CARRIER: CelRule = {
  rule: `!(${NEVER_PASSED})`,
  says: about(
    'self',
    ' cannot carry a key: it belongs to the connection or to the bridge; write authorization, or the name this provider documents',
  ),
  reason: 'Invalid',
};

/** `providers[].headers.{set,add}[].name`. The value beside it may be a key: no message shows it. */
export const CHANGED_HEADER: readonly CelRule[] = [
  {
    rule: `!(${RESERVED})`,
    says: about('self', ' belongs to one connection and cannot be set; remove it'),
    reason: 'Invalid',
  },
  { rule: `!(self in ${celList(KEY_HEADERS)})`, says: carriesKey('self'), reason: 'Invalid' },
  {
    rule: `self != 'host'`,
    says: {
      message: 'host comes from url; write the host there, and tls.serverName for another certificate name',
    },
    reason: 'Invalid',
  },
  {
    rule: `!(self in ${celList(WRITTEN_HEADERS.filter((name) => name !== 'host'))})`,
    says: about('self', ' is written by the bridge for each request; remove it'),
    reason: 'Invalid',
  },
];

/** `providers[].headers.remove[]`. */
export const REMOVED_HEADER: readonly CelRule[] = [
  {
    rule: `!(${RESERVED})`,
    says: about('self', ' is never passed to a provider; remove it'),
    reason: 'Invalid',
  },
  {
    rule: `!(self in ${celList(WRITTEN_HEADERS)})`,
    says: about('self', ' is written by the bridge for each request; remove it'),
    reason: 'Invalid',
  },
];

/** A provider: its own key travels in one header, which nothing else may touch. */
export const KEY_HEADER_UNTOUCHED: readonly CelRule[] = [
  ...['set', 'add'].map((change): CelRule => ({
    rule: `self.auth.type != 'APIKey' || !has(self.auth.header) || self.auth.header.name in ${celList(KEY_HEADERS)} || !self.headers.${change}.exists(h, h.name == self.auth.header.name)`,
    says: carriesKey('self.auth.header.name'),
    fieldPath: `.headers.${change}`,
    reason: 'Invalid',
  })),
  {
    rule: `self.auth.type != 'APIKey' || !((has(self.auth.header) ? self.auth.header.name : 'authorization') in self.headers.remove)`,
    says: about(
      `(has(self.auth.header) ? self.auth.header.name : 'authorization')`,
      ' carries the key of this provider; write auth: {type: None} if it needs none',
    ),
    fieldPath: '.headers.remove',
    reason: 'Invalid',
  },
];

const PASSED_HEADER: CelRule = {
  rule: `!(${NEVER_PASSED})`,
  says: about('self', ' belongs to one connection and is never passed; remove it'),
  reason: 'Invalid',
};

/** `headerPassthrough.request.allow[]`. */
export const HEADER_TO_PROVIDERS: readonly CelRule[] = [
  PASSED_HEADER,
  {
    rule: `!(self in ${celList(CREDENTIAL_HEADERS)})`,
    says: about(
      'self',
      ' says whose key is spent: it goes to providers with auth Passthrough by itself and to no other; remove it',
    ),
    reason: 'Invalid',
  },
];

/** `headerPassthrough.response.allow[]`. */
export const HEADER_TO_CLIENTS: readonly CelRule[] = [
  PASSED_HEADER,
  {
    rule: `!(self in ${celList(HIDDEN_HEADERS)})`,
    says: about('self', ' never goes to clients; remove it'),
    reason: 'Invalid',
  },
];

/** What matters in a pattern: first what cannot count (escapes, classes, the openings of groups), then the rest. */
const TOKENS = String.raw`\\.|\[(?:\\.|[^\]\\])*\]|\(\?(?::|<[A-Za-z_0-9]+>)`;
const REPETITION = String.raw`[*+?]|\{[0-9]+,?[0-9]*\}`;

/**
 * `match.headers[]`. Whether a pattern is a regular expression of JavaScript is left to the operator: CEL knows RE2
 * only.
 */
export const HEADER_PATTERN: readonly CelRule[] = [
  {
    rule: `self.type != 'RegularExpression' || self.value.size() <= 256`,
    says: { message: 'the pattern is longer than 256 characters; write less' },
    fieldPath: '.value',
    reason: 'Invalid',
  },
  {
    rule: `self.type != 'RegularExpression' || self.value.size() > 256 || !self.value.findAll(r'${TOKENS}|\\(\\?<?[=!]').exists(t, t.matches(r'^(\\\\[1-9k]|\\(\\?<?[=!])'))`,
    says: {
      message: 'the pattern uses back references or lookaround, which can take very long; write it without',
    },
    fieldPath: '.value',
    reason: 'Invalid',
  },
  {
    rule: `self.type != 'RegularExpression' || self.value.size() > 256 || self.value.findAll(r'${TOKENS}|${REPETITION}').filter(t, t.matches(r'^([*+?]$|\\{)')).size() <= 2`,
    says: {
      message:
        'the pattern has more than 2 repetitions (*, +, ?, {n}), which can take very long; write several matches or fewer repetitions',
    },
    fieldPath: '.value',
    reason: 'Invalid',
  },
  {
    rule: `self.type != 'RegularExpression' || self.value.size() > 256 || !self.value.findAll(r'${TOKENS}|\\)[*+?{]').exists(t, t.startsWith(')'))`,
    says: {
      message:
        'the pattern repeats a group, which can take very long; repeat single characters or classes, such as [a-z]+',
    },
    fieldPath: '.value',
    reason: 'Invalid',
  },
];

function carriesKey(name: string): CelRule['says'] {
  return {
    messageExpression: `${name} + ' carries a key, and keys are not written into routes: put it into a Secret and write auth: {type: APIKey, secretRef: {name: NAME}, header: {name: ' + ${name} + '}}'`,
  };
}

function about(name: string, sentence: string): CelRule['says'] {
  return { messageExpression: `${name} + ${celText(sentence)}` };
}

/** CEL for: the name is one of these; one that ends in `*` stands for all that begin so. */
function isOneOf(name: string, names: readonly string[]): string {
  const exact = names.filter((one) => !one.endsWith('*'));
  const prefixes = names.filter((one) => one.endsWith('*')).map((one) => one.slice(0, -1));
  return [
    `${name} in ${celList(exact)}`,
    ...prefixes.map((prefix) => `${name}.startsWith(${celText(prefix)})`),
  ].join(' || ');
}
