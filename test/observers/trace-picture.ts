/**
 * A trace as a page to be looked at or photographed: a waterfall in the manner of Jaeger's timeline, whose own needs a
 * build of its own. Self-contained: no script, no font and no picture from elsewhere.
 */
import { formatUs } from './format-us.ts';
import type { ObservedSpan, ObservedTrace } from './jaeger-trace.ts';
import { pictureStyle } from './trace-picture-style.ts';
import { toTags, type Tag } from './trace-tags.ts';
import { toRows, type Hidden, type RowWishes, type TraceRow } from './trace-rows.ts';

export interface PictureWishes extends RowWishes {
  /** Above everything, in the largest type. */
  readonly title: string;
  /** Where the trace comes from, below it. */
  readonly source: string;
}

/** Pixels of a page that fits the picture; its height is that of its content. */
export const pictureWidth = 1280;

const margin = 28;
/** Pixels of the column of names. */
const namesWidth = 404;
const timelineWidth = pictureWidth - namesWidth - 2 * margin;
const indent = 13;

/** Microseconds since 1970: what is at the left edge and at the right one. */
interface Window {
  readonly startUs: number;
  readonly endUs: number;
}

/**
 * The page. Of attributes it shows those that {@link toTags} lets through, of everything else names and times: what a
 * client put into a span of its own cannot come into it.
 */
export function toPicture(trace: ObservedTrace, wishes: PictureWishes): string {
  const { rows, hidden } = toRows(trace, wishes);
  const services = [...new Set(rows.map(({ span }) => span.service))];
  const window = windowOf(rows);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${escape(wishes.title)}</title>
<style>${pictureStyle({ namesWidth, indent, margin })}</style>
<body>
<main>
<header>
<div><h1>${escape(wishes.title)}</h1><p>${escape(wishes.source)}</p></div>
<ul>${services.map((service) => legend(service, trace, wishes)).join('')}</ul>
</header>
<div class="scale"><span></span><div>${scale(window)}</div></div>
<ol style="--grid: ${gridStep(window)}%">
${rows.map((row) => toRow(row, window, wishes)).join('\n')}
</ol>
<footer><span>${footer(hidden)}</span><span><i></i> span event</span></footer>
</main>
</body>
</html>
`;
}

function legend(service: string, trace: ObservedTrace, wishes: PictureWishes): string {
  const spans = trace.spans.filter((span) => span.service === service);
  const version = spans[0]?.resource['service.version'];
  return `<li class="${owner(service, wishes)}"><i></i>${escape(service)} <span>${typeof version === 'string' ? `${escape(version)} · ` : ''}${plural(spans.length, 'span')}</span></li>`;
}

function footer(hidden: Hidden): string {
  return [...hidden]
    .map(([service, count]) => `… ${plural(count, 'more span')} of ${escape(service)}`)
    .join(' · ');
}

function toRow(row: TraceRow, window: Window, wishes: PictureWishes): string {
  const { span, above, depth, skipped } = row;
  const isOurs = span.service === wishes.service;
  const isError = span.status === 'error';
  const service = span.service === above?.service ? '' : `<b>${escape(span.service)}</b> `;
  const gap = skipped === 0 ? '' : '<span class="gap">⋯</span> ';
  const mark = isError ? '<em class="error">!</em> ' : '';
  return [
    `<li class="${owner(span.service, wishes)}${isError ? ' failed' : ''}" data-span="${escape(span.spanId)}" data-above="${escape(above?.spanId ?? '')}" style="--depth: ${depth}">`,
    `<div class="name">${gap}${mark}${service}<span>${escape(span.name)}</span></div>`,
    // events of others may be called anything
    `<div class="time">${toTime(span, isOurs ? toTags(span) : [], isOurs ? span.events : [], window)}</div></li>`,
  ].join('');
}

function toTime(
  span: ObservedSpan,
  tags: readonly Tag[],
  events: ObservedSpan['events'],
  window: Window,
): string {
  const left = percent(span.startUs, window);
  const width = percent(span.startUs + span.durationUs, window) - left;
  const duration = formatUs(span.durationUs);
  const place = placeOf(left, width, duration);
  const text = tags.map(([name, value]) => `<span>${escape(name)} <b>${escape(value)}</b></span>`).join('');
  const wide = inPercent([duration, ...tags.flat()].join(' ')) + tags.length * inPercent('');
  const inLine = place === 'after' && left + width + wide < 100 ? text : '';
  const bar = `<div class="bar" style="left: ${round(left)}%; width: ${round(width)}%"><span class="duration ${place}">${duration}${inLine}</span></div>`;
  const ticks = toTicks(events, left + width - inPercent(duration), window);
  return `<div class="line">${bar}${ticks}</div>${inLine === '' ? toTagLine(text, left, wide) : ''}`;
}

/** Each with its name, where that ends before the next one or, for the last, before `end`. */
function toTicks(events: ObservedSpan['events'], end: number, window: Window): string {
  return events
    .map(({ name, atUs }, index) => {
      const at = percent(atUs, window);
      const next = events[index + 1]?.atUs;
      const room = (next === undefined ? end : percent(next, window)) - at;
      const label = room > inPercent(name) ? escape(name) : '';
      return `<i class="tick" data-event="${escape(name)}" style="left: ${round(at)}%"><span>${label}</span></i>`;
    })
    .join('');
}

/** Begins below its bar, or ends at the right edge where that is too far right, or the text too long. */
function toTagLine(text: string, left: number, wide: number): string {
  if (text === '') return '';
  return left < 50 && (left === 0 || left + wide < 100)
    ? `<div class="tags" style="padding-left: ${round(left)}%">${text}</div>`
    : `<div class="tags end">${text}</div>`;
}

type Place = 'inside' | 'before' | 'after';

/** Beside a bar that has no room for it, where the window has. */
function placeOf(left: number, width: number, text: string): Place {
  if (width > inPercent(text)) return 'inside';
  return left + width + inPercent(text) < 100 ? 'after' : 'before';
}

/** Generous: no font for reading is as wide. */
function inPercent(text: string): number {
  return ((text.length * 8 + 16) * 100) / timelineWidth;
}

function owner(service: string, wishes: PictureWishes): string {
  return service === wishes.service ? 'ours' : 'theirs';
}

function windowOf(rows: readonly TraceRow[]): Window {
  return {
    startUs: Math.min(...rows.map(({ span }) => span.startUs)),
    endUs: Math.max(...rows.map(({ span }) => span.startUs + span.durationUs)),
  };
}

function percent(atUs: number, { startUs, endUs }: Window): number {
  return ((atUs - startUs) * 100) / Math.max(1, endUs - startUs);
}

/** Steps of 1, 2 or 5 of a power of ten, at most seven. */
function stepUs({ startUs, endUs }: Window): number {
  const least = (endUs - startUs) / 7;
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5].find((factor) => factor * power >= least) ?? 10);
}

function gridStep(window: Window): number {
  return round(percent(window.startUs + stepUs(window), window));
}

function scale(window: Window): string {
  const step = stepUs(window);
  const count = Math.floor((window.endUs - window.startUs) / step);
  return Array.from({ length: count + 1 }, (_, index) => {
    const at = percent(window.startUs + index * step, window);
    return `<span style="left: ${round(at)}%">${index === 0 ? '0' : roundUs(index * step)}</span>`;
  }).join('');
}

/** `1 s` of `1.00 s`. */
function roundUs(us: number): string {
  return formatUs(us).replace(/\.0+ /, ' ');
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escape(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => escapes[character] ?? '');
}
