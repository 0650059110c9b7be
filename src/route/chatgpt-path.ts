/** Where the backend of ChatGPT logins lies: below a path that clients of the API do not have. */

const HOSTS: ReadonlySet<string> = new Set(['chatgpt.com', 'chat.openai.com']);
const BACKEND = '/backend-api';

/** Whether this is the host of ChatGPT itself. @param host In lower case, without port. */
export function isChatGptHost(host: string): boolean {
  return HOSTS.has(host);
}

/**
 * The base path below which `/responses` lies there, from what people write: `https://chatgpt.com`,
 * `…/backend-api`, `…/backend-api/codex`, each also with `/v1` behind. Gateways with other paths keep theirs.
 *
 * @param basePath Without a slash at its end; may be empty.
 */
export function chatGptBasePath(host: string, basePath: string): string {
  const isKnown = isChatGptHost(host) || `${basePath}/`.includes(`${BACKEND}/`);
  const path = isKnown ? basePath.replace(/\/v1$/, '') : basePath;
  if (path === '' && isChatGptHost(host)) return `${BACKEND}/codex`;
  return path.endsWith(BACKEND) ? `${path}/codex` : path;
}
