/** Providers, in CEL: provider-rules.ts, provider-auth-rules.ts and provider-model-rules.ts say the same of files. */
import type { CelRule } from './cluster-meta.ts';

/** `0` to `65535`, or nothing. */
const PORT = '([0-9]{0,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])';
/** A scheme, a host, a port there is, and no character that a URL does not have. */
const LOOKS_LIKE_URL = String.raw`self.matches(r'^[A-Za-z][A-Za-z0-9+.-]*://([^/\\\s?#]*@)?(\[[^/\\\s\]]+\]|[^/\\\s?#:@\[\]]+)(:${PORT})?([/?#][^\\\s]*)?$') && isURL(self)`;
const HOLDS_VARIABLE = "self.contains('${')";
const HAS_SCHEME = "self.lowerAscii().matches('^(https?|wss?)://')";

/**
 * `providers[].url`. Forbidden and not invalid: the API server shows invalid values, and this one may hold a key. Go
 * reads URLs here and the URL class in the bridge; where they differ the operator says so.
 */
export const PROVIDER_URL: readonly CelRule[] = [
  {
    rule: `!${HOLDS_VARIABLE}`,
    says: {
      message:
        'url holds a variable; variables are known in the stringData of Secrets only: write the address itself',
    },
    reason: 'Forbidden',
  },
  {
    rule: `${HOLDS_VARIABLE} || ${LOOKS_LIKE_URL}`,
    says: { message: 'url is not an address; write it in full, such as https://api.openai.com/v1' },
    reason: 'Forbidden',
  },
  {
    rule: `${HAS_SCHEME} || !self.matches('^[A-Za-z][A-Za-z0-9+.-]*://')`,
    says: {
      messageExpression: `'url begins with ' + self.lowerAscii().split('://')[0] + '://; write https://'`,
    },
    reason: 'Forbidden',
  },
  {
    rule: `!${HAS_SCHEME} || !self.matches('^[^/]*//[^/]*@')`,
    says: {
      message: 'url holds user info before the @; put the key into a Secret and name it in auth.secretRef',
    },
    reason: 'Forbidden',
  },
  {
    rule: `!${HAS_SCHEME} || !self.contains('?')`,
    says: {
      message:
        'url holds a query; write its entries as query: [{name, value}], but a key into a Secret that auth.secretRef names',
    },
    reason: 'Forbidden',
  },
  {
    rule: `!${HAS_SCHEME} || !self.contains('#')`,
    says: { message: 'url holds a fragment; remove # and what follows' },
    reason: 'Forbidden',
  },
];

/** `providers[].auth`. */
export const PROVIDER_AUTH: readonly CelRule[] = [
  {
    rule: `self.type != 'APIKey' || has(self.secretRef)`,
    says: {
      message: 'auth.type APIKey needs the Secret with the key; write secretRef: {name: NAME, key: apiKey}',
    },
    fieldPath: '.secretRef',
    reason: 'Required',
  },
  ...(['secretRef', 'header'] as const).map((field) => onlyForKeys(field)),
];

/** `auth` of clients or of a provider: a field that means something for one type only. */
export function onlyForKeys(field: string): CelRule {
  return {
    rule: `self.type == 'APIKey' || !has(self.${field})`,
    says: {
      messageExpression: `'${field} counts for type APIKey only, and type is ' + self.type + '; write type: APIKey, or remove it'`,
    },
    fieldPath: `.${field}`,
    reason: 'Invalid',
  };
}

/** A model, or a pattern of models. */
export const MODEL_PATTERN: CelRule = {
  rule: `self.matches(r'^(\\*?[^*]*|[^*]*\\*)$')`,
  says: {
    messageExpression: `'"' + self + '" is no pattern: one * may stand at the start or at the end; write gpt-*, *-mini or *'`,
  },
  reason: 'Invalid',
};

/** `providers[].modelMapping[].to`. */
export const MAPPED_MODEL: CelRule = {
  rule: `self.matches(r'^[^*]*(\\*[^*]*)?$')`,
  says: { messageExpression: `'"' + self + '" has more than one *; write one at most'` },
  reason: 'Invalid',
};

/** `providers[].modelMapping[]`. */
export const MAPPING: CelRule = {
  rule: `!self.to.matches(r'^[^*]*\\*[^*]*$') || self.from.contains('*')`,
  says: {
    messageExpression: `'the * of ' + self.to + ' stands for what the * of from matched, and from has none; write a model name'`,
  },
  fieldPath: '.to',
  reason: 'Invalid',
};

/** `providers[].tls`. */
export const PROVIDER_TLS: CelRule = {
  rule: `self.caCertificateRefs.size() == 0 || !has(self.wellKnownCACertificates)`,
  says: {
    message: 'one kind of trust counts: write caCertificateRefs or wellKnownCACertificates, not both',
  },
  fieldPath: '.wellKnownCACertificates',
  reason: 'Invalid',
};

const IS_PLAIN_SOCKET = "self.url.lowerAscii().startsWith('ws:')";

/** `providers[]`: a url that says WebSocket, and a transport that says otherwise. */
export const PROVIDER_TRANSPORT: CelRule = {
  rule: `self.transport != 'HTTP' || !self.url.lowerAscii().matches('^wss?://')`,
  says: {
    messageExpression: `'url begins with ' + (${IS_PLAIN_SOCKET} ? 'ws' : 'wss') + '://, which means transport WebSocket, and transport is HTTP; write ' + (${IS_PLAIN_SOCKET} ? 'http' : 'https') + ':// in url, or remove transport'`,
  },
  fieldPath: '.transport',
  reason: 'Invalid',
};

/** `providers[]`: events of several lanes on one socket, some of which are the bridge's own. */
export const PROVIDER_LANES: CelRule = {
  rule: `self.dialect != 'Compatible' || !('Lanes' in self.capabilities)`,
  says: {
    message:
      'Lanes needs events that name their lane, and with dialect Compatible the bridge writes some itself, which name none; remove Lanes, and each lane has a socket of its own',
  },
  fieldPath: '.capabilities',
  reason: 'Invalid',
};

/** `providers[].health`. */
export const PROVIDER_HEALTH: CelRule = {
  rule: 'self.ejectionSeconds <= self.maxEjectionSeconds',
  // without the numbers: the API server knows no bound for the length of string(), and refuses the CRD for its cost
  says: {
    message:
      'the first rest, ejectionSeconds, is longer than the longest, maxEjectionSeconds (300 when left out); write a maxEjectionSeconds that is as long, or a shorter first rest',
  },
  fieldPath: '.ejectionSeconds',
  reason: 'Invalid',
};
