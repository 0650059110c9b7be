/** Elements and the texts in them. Text is only ever set as text: nothing here reads markup. */

/**
 * Makes an element.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} className
 * @param {...(Node | string)} children strings become text
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className !== '') made.className = className;
  made.append(...children);
  return made;
}

/**
 * The element of the page with this id. The page has it, or the page is broken.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function part(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page has no ${id}`);
  return found;
}

/**
 * Changes a text only if it is another one: a selection in it stays.
 * @param {Element} target
 * @param {string} text
 */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/**
 * `38 ms`, `1.24 s`, `12.4 s`, `3:05 min`
 * @param {number | undefined} ms
 */
export function duration(ms) {
  if (ms === undefined) return '';
  if (ms < 0.05) return '0';
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9995) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 99_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${twoDigits(seconds % 60)} min`;
  return `${Math.floor(seconds / 3600)}:${twoDigits(Math.floor(seconds / 60) % 60)} h`;
}

/**
 * How long something has been so: `8 s`, `4 min`, `2 h 10 min`, `3 d 4 h`
 * @param {number} ms
 */
export function age(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/**
 * The time of day, with seconds.
 * @param {number} at milliseconds since 1970
 */
export function timeOfDay(at) {
  const date = new Date(at);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(':');
}

/**
 * `UTC`, `UTC+2`, `UTC−3:30`: the zone of times of day.
 * @param {number} offsetMinutes as Date.getTimezoneOffset tells it: positive west of Greenwich
 */
export function zoneName(offsetMinutes) {
  if (offsetMinutes === 0) return 'UTC';
  const minutes = Math.abs(offsetMinutes);
  const rest = minutes % 60 === 0 ? '' : `:${twoDigits(minutes % 60)}`;
  return `UTC${offsetMinutes > 0 ? '−' : '+'}${Math.floor(minutes / 60)}${rest}`;
}

/**
 * `950`, `12.4k`, `1.20M`: three digits that matter
 * @param {number | undefined} count
 */
export function short(count) {
  if (count === undefined) return '';
  if (count < 1000) return String(count);
  if (count < 999_500) return `${digits(count / 1000)}k`;
  return `${digits(count / 1_000_000)}M`;
}

/**
 * In full, with thousands apart.
 * @param {number | undefined} count
 */
export function full(count) {
  return count === undefined ? '' : count.toLocaleString('en');
}

/** @param {number} value */
function digits(value) {
  if (value < 9.995) return value.toFixed(2);
  return value < 99.95 ? value.toFixed(1) : value.toFixed(0);
}

/** @param {number} value */
function twoDigits(value) {
  return String(value).padStart(2, '0');
}
