/** The parts of a provider's url. */
export interface ProviderUrl {
  /** `https://api.openai.com` */
  readonly origin: string;
  /** `/v1`; no slash at the end; may be empty. */
  readonly basePath: string;
  /** Without port, as the URL class writes it. */
  readonly host: string;
  readonly secure: boolean;
}

export type ProviderUrlResult =
  | { readonly ok: true; readonly url: ProviderUrl }
  /** One sentence, without the text that was written: it may hold a credential. */
  | { readonly ok: false; readonly message: string };

/** Reads the url of a provider: http or https, host, base path, and nothing else. */
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
  if (scheme === 'ws' || scheme === 'wss') {
    const http = scheme === 'ws' ? 'http' : 'https';
    return refuse(`url begins with ${scheme}://, which comes with a later release; write ${http}://`);
  }
  if (scheme !== 'http' && scheme !== 'https') {
    return refuse(`url begins with ${scheme}://; write https://`);
  }
  const url = new URL(text);
  if (url.username !== '' || url.password !== '' || /^[^/]*\/\/[^/]*@/.test(text)) {
    return refuse(
      'url holds user info before the @; put the key into a Secret and name it in auth.secretRef',
    );
  }
  if (text.includes('?')) return refuse('url holds a query; write its entries as query: [{name, value}]');
  if (text.includes('#')) return refuse('url holds a fragment; remove # and what follows');
  return {
    ok: true,
    url: {
      origin: url.origin,
      basePath: url.pathname.replace(/\/+$/, ''),
      host: url.hostname,
      secure: scheme === 'https',
    },
  };
}

function refuse(message: string): ProviderUrlResult {
  return { ok: false, message };
}
