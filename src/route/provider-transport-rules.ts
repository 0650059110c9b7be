/** `transport` of a provider, and what counts for one transport only. */
import type { Sound } from './check-resource.ts';
import { chatGptBasePath, isChatGptHost } from './chatgpt-path.ts';
import { duplicateValues } from './duplicates.ts';
import { errorAt, warningAt } from './problem.ts';
import type { Path, Problem } from './problem.ts';
import type { ProviderResource } from './provider-resource.ts';
import { whyOverHttp, writtenTransport } from './provider-transport.ts';
import { parseProviderUrl } from './provider-url.ts';

type Provider = Sound<ProviderResource>;

const DEFAULT_MESSAGE_BYTES = 16_777_216;

/** What ties `transport`, `http`, `dialect`, `capabilities` and `limits` of one provider together. */
export function providerTransportRules(provider: Provider, path: Path): readonly Problem[] {
  return [
    ...schemeRules(provider, path),
    ...versionRules(provider, path),
    ...duplicateValues(provider.capabilities, [...path, 'capabilities']),
    ...laneRules(provider, path),
    ...socketFieldRules(provider, path),
    ...chatGptRules(provider, path),
  ];
}

function schemeRules({ url, transport }: Provider, path: Path): readonly Problem[] {
  const scheme = /^wss?(?=:)/i.exec(url ?? '')?.[0].toLowerCase();
  if (scheme === undefined || transport !== 'HTTP' || !parseProviderUrl(url ?? '').ok) return [];
  return [
    errorAt(
      [...path, 'transport'],
      `url begins with ${scheme}://, which means transport WebSocket, and transport is HTTP; write ${scheme.replace('ws', 'http')}:// in url, or remove transport`,
    ),
  ];
}

function versionRules(provider: Provider, path: Path): readonly Problem[] {
  if (provider.http !== 'HTTP2' || writtenTransport(provider) !== 'WebSocket') return [];
  return [
    warningAt(
      [...path, 'http'],
      'HTTP2 counts for relayed requests only, because turns go by WebSocket, which is HTTP/1.1; remove it',
    ),
  ];
}

function laneRules(provider: Provider, path: Path): readonly Problem[] {
  if (!sharesRepairedSocket(provider)) return [];
  return [
    errorAt(
      [...path, 'capabilities'],
      'Lanes needs events that name their lane, and with dialect Compatible the bridge writes some itself, which name none; remove Lanes, and each lane has a socket of its own',
    ),
  ];
}

function sharesRepairedSocket({ dialect, capabilities }: Provider): boolean {
  return dialect === 'Compatible' && capabilities?.includes('Lanes') === true;
}

/** Warns of what counts for a WebSocket, where there will be none. */
function socketFieldRules(provider: Provider, path: Path): readonly Problem[] {
  const { name = 'without a name', capabilities = [], limits } = provider;
  const why = whyOverHttp(provider);
  if (why === undefined) return [];
  const problems: Problem[] = [];
  const cure = provider.transport === 'HTTP' ? 'write transport: Auto' : 'write transport: WebSocket';
  if (capabilities.length > 0 && !sharesRepairedSocket(provider)) {
    problems.push(
      warningAt(
        [...path, 'capabilities'],
        `capabilities are those of a WebSocket, and turns go to provider ${name} over HTTP (${why}); ${cure} if it has one, or remove them`,
      ),
    );
  }
  const unused = [
    limits?.maxConnectionAgeSeconds !== undefined && 'maxConnectionAgeSeconds',
    limits !== undefined &&
      limits.maxWebSocketMessageBytes !== DEFAULT_MESSAGE_BYTES &&
      'maxWebSocketMessageBytes',
  ].filter((field) => field !== false);
  for (const field of unused) {
    problems.push(
      warningAt(
        [...path, 'limits', field],
        `${field} is a limit of WebSockets, and turns go to provider ${name} over HTTP (${why}); ${cure} if it has one, or remove it`,
      ),
    );
  }
  return problems;
}

function chatGptRules({ url, dialect, auth, headers }: Provider, path: Path): readonly Problem[] {
  const parsed = url === undefined ? undefined : parseProviderUrl(url);
  if (parsed?.ok !== true || dialect === undefined) return [];
  const { host, basePath } = parsed.url;
  const problems: Problem[] = [];
  const isLoginOfItsOwn = auth?.type === 'APIKey' && namesAccount(headers);
  if (dialect === 'ChatGPT' && auth !== undefined && auth.type !== 'Passthrough' && !isLoginOfItsOwn) {
    const account =
      auth.type === 'APIKey'
        ? ' set chatgpt-account-id in headers.set where the key is that of one login,'
        : '';
    problems.push(
      warningAt(
        [...path, 'auth', 'type'],
        `dialect ChatGPT is for logins that clients bring, and with auth ${auth.type} none is passed on; write auth: {type: Passthrough},${account} or dialect: OpenAI where a key is spent`,
      ),
    );
  }
  if (!isChatGptHost(host)) return problems;
  if (dialect !== 'ChatGPT') {
    problems.push(
      warningAt(
        [...path, 'dialect'],
        `${host} is the backend of ChatGPT logins; write dialect: ChatGPT, or https://api.openai.com/v1 in url where a key is spent`,
      ),
    );
  } else if (chatGptBasePath(host, basePath) !== '/backend-api/codex') {
    problems.push(
      warningAt(
        [...path, 'url'],
        `the backend of ChatGPT logins is https://${host}/backend-api/codex, and url has another path; write that`,
      ),
    );
  }
  return problems;
}

/** The provider's own headers say whose login its key is. */
function namesAccount(headers: Provider['headers']): boolean {
  return [...(headers?.set ?? []), ...(headers?.add ?? [])].some(({ name }) => name === 'chatgpt-account-id');
}
