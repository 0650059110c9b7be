/** The parts of a provider's url. */
export interface ProviderUrl {
  /** As it was written, in lower case. */
  readonly scheme: 'http' | 'https' | 'ws' | 'wss';
  /** Host and port as the URL class writes them. */
  readonly authority: string;
  /** `https://api.openai.com`; for ws:// and wss:// that of http:// and https://, by which a WebSocket begins. */
  readonly origin: string;
  /** `/v1`; no slash at the end; may be empty. */
  readonly basePath: string;
  /** Without port, as the URL class writes it. */
  readonly host: string;
  readonly secure: boolean;
  /** It says ws:// or wss://. */
  readonly webSocket: boolean;
}

export type ProviderUrlResult =
  | { readonly ok: true; readonly url: ProviderUrl }
  /** One sentence, without the text that was written: it may hold a credential. */
  | { readonly ok: false; readonly message: string };

/** Reads the url of a provider: http, https, ws or wss, host, base path, and nothing else. */
export function parseProviderUrl(text: string): ProviderUrlResult {
  if (text.includes('${')) {
    return refuse(
      'url holds a variable; variables are known in the stringData of Secrets only: write the address itself',
    );
  }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\/[^/\\\s]/i.exec(text)?.[1]?.toLowerCase();
  // The URL class mends much in silence (backslashes, tabs, missing slashes); what it would mend is refused.
  if (scheme === undefined || !URL.canParse(text) || /[\s\\]/.test(text)) {
    return refuse('url is not an address; write it in full, such as https://api.openai.com/v1');
  }
  if (!isKnownScheme(scheme)) {
    return refuse(`url begins with ${scheme}://; write https://`);
  }
  const url = new URL(text);
  if (url.username !== '' || url.password !== '' || /^[^/]*\/\/[^/]*@/.test(text)) {
    return refuse(
      'url holds user info before the @; put the key into a Secret and name it in auth.secretRef',
    );
  }
  if (text.includes('?')) {
    return refuse(
      'url holds a query; write its entries as query: [{name, value}], but a key into a Secret that auth.secretRef names',
    );
  }
  if (text.includes('#')) return refuse('url holds a fragment; remove # and what follows');
  return {
    ok: true,
    url: {
      scheme,
      authority: url.host,
      origin: `${scheme.replace('ws', 'http')}://${url.host}`,
      basePath: url.pathname.replace(/\/+$/, ''),
      host: url.hostname,
      secure: scheme === 'https' || scheme === 'wss',
      webSocket: scheme.startsWith('ws'),
    },
  };
}

function isKnownScheme(scheme: string): scheme is ProviderUrl['scheme'] {
  return ['http', 'https', 'ws', 'wss'].includes(scheme);
}

function refuse(message: string): ProviderUrlResult {
  return { ok: false, message };
}
