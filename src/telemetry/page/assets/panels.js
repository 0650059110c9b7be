/** Providers, connections and routes: small tables that are made anew when a message brings them. */
import { age, duration, element, full, short } from './elements.js';

/** @import { ConnectionRow, ConnectionsView, FallbackReason, ProviderView, RouteRow, RoutesView } from '../page-state.ts' */

const SVG = 'http://www.w3.org/2000/svg';
/** Of the history: a bar for each part of the window. */
const BAR_WIDTH = 2;
const HISTORY_HEIGHT = 14;

/**
 * Providers that were asked, and those in the routes that were not asked yet.
 * @param {HTMLTableSectionElement} body
 * @param {readonly ProviderView[]} asked
 * @param {RoutesView | undefined} routes
 * @param {number} now
 */
export function showProviders(body, asked, routes, now) {
  /** @param {string} route @param {string} provider */
  const keyOf = (route, provider) => `${route}\n${provider}`;
  const known = new Set(
    routes?.rows.flatMap(({ id, providers }) => providers.map(({ name }) => keyOf(id, name))),
  );
  const seen = new Set(asked.map(({ route, provider }) => keyOf(route, provider)));
  const rows = asked.map((provider) =>
    providerRow(provider, now, known.size === 0 || known.has(keyOf(provider.route, provider.provider))),
  );
  for (const { id, providers } of routes?.rows ?? []) {
    for (const { name } of providers) {
      if (!seen.has(keyOf(id, name))) rows.push(unaskedRow(id, name));
    }
  }
  body.replaceChildren(...(rows.length > 0 ? rows : [emptyRow(7, 'no provider yet')]));
}

/** @param {ProviderView} provider @param {number} now @param {boolean} isInRoutes */
function providerRow(provider, now, isInRoutes) {
  const { health, attempts, failures, lastError, lastSuccessAt } = provider;
  const state = element('span', `state ${health}`, health + restText(provider, now));
  if (lastSuccessAt !== undefined) state.title = `last success ${age(now - lastSuccessAt)} ago`;
  return element(
    'tr',
    isInRoutes ? '' : 'gone',
    nameCell(
      provider.route,
      isInRoutes ? provider.provider : `${provider.provider} (in no route now)`,
      reachText(provider, now),
    ),
    element('td', '', state),
    element('td', 'number', full(attempts)),
    element('td', failures > 0 ? 'number bad' : 'number', full(failures)),
    element('td', 'number', duration(provider.firstEventP50Ms)),
    element('td', '', historyPicture(provider)),
    element(
      'td',
      '',
      ...(lastError === undefined
        ? []
        : [lastError.type, element('span', 'muted', ` ${age(now - lastError.at)} ago`)]),
    ),
  );
}

/**
 * For how long it rests, and why.
 * @param {Pick<ProviderView, 'restsUntil' | 'restsBecause'>} provider
 * @param {number} now
 */
export function restText({ restsUntil, restsBecause }, now) {
  if (restsUntil === undefined) return '';
  const why = { failures: ', failed', retry_after: ', asked for it' };
  return ` ${age(Math.max(0, restsUntil - now))}${restsBecause === undefined ? '' : why[restsBecause]}`;
}

/** @param {string} route @param {string} provider */
function unaskedRow(route, provider) {
  const row = element(
    'tr',
    '',
    nameCell(route, provider),
    element('td', '', element('span', 'state idle', 'idle')),
  );
  for (let column = 0; column < 5; column++) row.append(element('td', ''));
  return row;
}

/** @param {string} route @param {string} provider @param {string} reach */
function nameCell(route, provider, reach = '') {
  const cell = element('td', '', provider, element('span', 'muted', ` ${route}`));
  if (reach !== '') cell.append(element('div', 'reach muted', reach));
  return cell;
}

/** How a fallback's reason is told. @type {Readonly<Record<FallbackReason, string>>} */
const FALLBACK_TEXTS = {
  not_supported: 'no WebSocket there',
  too_large: 'too large for its WebSocket',
  upgrade_refused: 'upgrade refused',
  handshake_timeout: 'upgrade not answered in time',
  socket_lost: 'WebSocket lost',
};

/**
 * How it is reached, why not over its WebSocket, and what remains of its limits.
 * @param {ProviderView} provider
 * @param {number} now
 */
export function reachText({ reach, limits }, now) {
  const { transport, lastFallback, noWebSocket, sockets } = reach;
  const texts = [];
  if (transport !== undefined) texts.push(transport === 'websocket' ? 'WebSocket' : 'HTTP');
  if (noWebSocket !== undefined) {
    const status = noWebSocket.status === undefined ? '' : ` (${noWebSocket.status})`;
    texts.push(`no WebSocket${status}, asked again in ${age(Math.max(0, noWebSocket.until - now))}`);
  } else if (lastFallback !== undefined) {
    texts.push(`over HTTP ${age(now - lastFallback.at)} ago: ${FALLBACK_TEXTS[lastFallback.reason]}`);
  }
  if (sockets !== undefined) texts.push(`${full(sockets.active)} active, ${full(sockets.idle)} idle sockets`);
  const left = [
    limits?.requests === undefined ? '' : `${percent(limits.requests)} of requests`,
    limits?.tokens === undefined ? '' : `${percent(limits.tokens)} of tokens`,
  ].filter((text) => text !== '');
  if (left.length > 0) texts.push(`${left.join(', ')} left`);
  return texts.join(' · ');
}

/** @param {number} ratio */
function percent(ratio) {
  return `${Math.round(100 * ratio)} %`;
}

/** @param {ProviderView} provider */
function historyPicture({ history, attempts, failures }) {
  const most = Math.max(1, ...history.map(([good, failed]) => good + failed));
  const picture = document.createElementNS(SVG, 'svg');
  const width = history.length * BAR_WIDTH;
  for (const [name, value] of Object.entries({
    class: 'history',
    role: 'img',
    'aria-label': `${attempts} attempts, ${failures} failed`,
    width: String(width),
    height: String(HISTORY_HEIGHT),
    viewBox: `0 0 ${width} ${HISTORY_HEIGHT}`,
  })) {
    picture.setAttribute(name, value);
  }
  history.forEach(([good, failed], index) => {
    const failedHeight = heightOf(failed, most);
    picture.append(
      rectangle('base', index, HISTORY_HEIGHT - 1, 1),
      rectangle('good', index, HISTORY_HEIGHT - failedHeight - heightOf(good, most), heightOf(good, most)),
      rectangle('failed', index, HISTORY_HEIGHT - failedHeight, failedHeight),
    );
  });
  return picture;
}

/** One failure among thousands is seen. @param {number} count @param {number} most */
function heightOf(count, most) {
  return count === 0 ? 0 : Math.max(2, Math.round((HISTORY_HEIGHT * count) / most));
}

/** @param {string} className @param {number} index @param {number} y @param {number} height */
function rectangle(className, index, y, height) {
  const made = document.createElementNS(SVG, 'rect');
  const place = { class: className, x: index * BAR_WIDTH, y, width: BAR_WIDTH, height };
  for (const [name, value] of Object.entries(place)) made.setAttribute(name, String(value));
  return made;
}

/**
 * @param {HTMLTableSectionElement} body
 * @param {HTMLElement} note
 * @param {ConnectionsView} connections
 * @param {number} now
 */
export function showConnections(body, note, { open, byClient, rows }, now) {
  const kinds = Object.entries(byClient).filter(([, count]) => count > 0);
  const omitted = open - rows.length;
  note.title = note.textContent = [
    `${full(open)} open`,
    ...kinds.map(([kind, count]) => `${kind} ${full(count)}`),
    ...(omitted > 0 ? [`${full(omitted)} in the middle not shown`] : []),
  ].join(' · ');
  body.replaceChildren(
    ...rows.map(({ id, client, group, openedAt, turns, running, waiting, passedOn }) => {
      const row = element(
        'tr',
        running > 0 ? 'busy' : '',
        element('td', 'id', id),
        element('td', '', client),
        element('td', 'number', age(now - openedAt)),
        ...(passedOn === undefined ? turnCells(turns, running, waiting) : [passedOnCell(passedOn)]),
      );
      row.title = group;
      return row;
    }),
  );
  if (rows.length === 0) body.append(emptyRow(5, 'no client is connected'));
}

/** @param {number} turns @param {number} running @param {number} waiting */
function turnCells(turns, running, waiting) {
  return [
    element('td', 'number', short(turns)),
    element('td', 'number', waiting > 0 ? `${running} + ${waiting}` : String(running)),
  ];
}

/** A WebSocket that is passed on has no turns. @param {NonNullable<ConnectionRow['passedOn']>} to */
function passedOnCell({ provider, path }) {
  const cell = element('td', 'muted', `${path} to ${provider}`);
  cell.colSpan = 2;
  cell.title = `passed on to ${provider} frame by frame, at ${path}`;
  return cell;
}

/**
 * @param {HTMLTableSectionElement} body
 * @param {HTMLElement} note
 * @param {RoutesView | undefined} routes
 * @param {number} now
 */
export function showRoutes(body, note, routes, now) {
  if (routes === undefined) {
    note.textContent = 'none yet';
    body.replaceChildren(emptyRow(1, 'no route yet'));
    return;
  }
  const { version, since, lastReload, rows, omitted } = routes;
  note.textContent = `snapshot ${version}`;
  body.replaceChildren(...rows.map((row) => element('tr', '', routeCell(row))));
  if (omitted > 0) body.append(emptyRow(1, `and ${full(omitted)} more`));
  if (lastReload?.result === 'failure') {
    const text = `new files refused ${age(now - lastReload.at)} ago: the last good ones stay, see the log`;
    body.prepend(element('tr', '', element('td', 'bad wrap', text)));
  }
  body.append(emptyRow(1, `in effect for ${age(now - since)}`));
}

/** @param {RouteRow} route */
function routeCell({ id, models, places, providers }) {
  const cell = element('td', '', id, element('span', 'muted', ` ${[...models, 'at', ...places].join(' ')}`));
  cell.title = `${id}: ${models.join(' ') || 'any model'}, at ${places.join(' ')}`;
  for (const { name, origin } of providers) {
    cell.append(element('div', 'origin', `${name} `, element('span', 'muted', origin)));
  }
  return cell;
}

/** @param {number} columns @param {string} text */
function emptyRow(columns, text) {
  const cell = element('td', 'muted', text);
  cell.colSpan = columns;
  return element('tr', '', cell);
}
