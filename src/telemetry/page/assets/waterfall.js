/** A turn's time as phases, and as a bar. */
import { duration, element } from './elements.js';

/** @import { TurnRow } from '../page-state.ts' */

/**
 * What a turn does with its time. The order is that of time, and of the legend.
 * @typedef {'queued' | 'own' | 'connect' | 'wait' | 'think' | 'stream'} PhaseKind
 */

/** @typedef {{ kind: PhaseKind, fromMs: number, toMs: number }} Phase marks since the receipt */

/** @type {Readonly<Record<PhaseKind, string>>} */
export const PHASE_NAMES = {
  queued: 'queued',
  own: 'bridge',
  connect: 'connect',
  wait: 'until first event',
  think: 'until first text',
  stream: 'stream',
};

/** A shorter silence in a stream nobody minds. */
const MIN_SILENCE_MS = 1000;
/** Marks and silences are measured a little apart. */
const SLACK_MS = 50;

/** Ends of the shared scale, in milliseconds: each can be cut into four. */
const SCALES = [
  100, 200, 400, 600, 800, 1000, 2000, 3000, 4000, 6000, 8000, 10_000, 20_000, 30_000, 40_000, 60_000,
  120_000, 240_000, 600_000, 1_200_000, 2_400_000, 3_600_000, 7_200_000,
];

/**
 * How long a turn has taken, or takes until now.
 * @param {TurnRow} turn
 * @param {number} now the server's time, milliseconds since 1970
 */
export function totalMs(turn, now) {
  return turn.endedMs ?? Math.max(0, now - turn.at);
}

/**
 * The phases of a turn without gaps, from 0 to the total.
 * @param {TurnRow} turn
 * @param {number} total
 * @returns {Phase[]}
 */
export function phasesOf(turn, total) {
  /** @type {Phase[]} */
  const phases = [];
  let at = 0;
  /** @param {PhaseKind} kind @param {number | undefined} until */
  const go = (kind, until) => {
    const toMs = Math.min(total, Math.max(at, until ?? total));
    if (toMs > at) phases.push({ kind, fromMs: at, toMs });
    at = toMs;
  };
  go('queued', turn.startedMs);
  go('own', ownUntilMs(turn));
  for (const attempt of turn.attempts) {
    if (turn.firstEventMs !== undefined && attempt.startedMs > turn.firstEventMs) break;
    go('wait', attempt.dialFromMs ?? attempt.startedMs);
    if (attempt.dialToMs !== undefined) go('connect', attempt.dialToMs);
  }
  go('wait', turn.firstEventMs);
  go('think', turn.firstOutputMs);
  go('stream', total);
  return phases;
}

/**
 * Until when a turn was in our hands: a provider has no part in what is before the dial, or before the request is handed
 * to a connection that is there. A turn without an attempt was ours alone.
 * @param {TurnRow} turn
 */
function ownUntilMs({ attempts: [first], startedMs, overheadMs, firstEventMs }) {
  if (first === undefined) return firstEventMs;
  return Math.max(first.dialFromMs ?? first.startedMs, (startedMs ?? 0) + (overheadMs ?? 0));
}

/**
 * Whether the provider was silent for more than half of the stream. Where is not known: a silence that fits into the
 * time before the first text may have been there, and is the model's thinking.
 * @param {TurnRow} turn
 */
export function isSilent({ maxGapMs, firstEventMs, firstOutputMs, endedMs }) {
  if (firstEventMs === undefined || firstOutputMs === undefined || endedMs === undefined) return false;
  const streamMs = endedMs - firstOutputMs;
  const isInStream = maxGapMs > firstOutputMs - firstEventMs + SLACK_MS && maxGapMs < streamMs + SLACK_MS;
  return isInStream && maxGapMs >= MIN_SILENCE_MS && maxGapMs > streamMs / 2;
}

/**
 * Draws the bar. Its width on the shared scale is up to the style sheet: `--ms` of the bar against `--scale` of the table.
 * @param {HTMLElement} bar
 * @param {TurnRow} turn
 * @param {number} total
 */
export function drawBar(bar, turn, total) {
  const parts = phasesOf(turn, total).map(({ kind, fromMs, toMs }) => {
    const phase = element('i', kind === 'stream' && isSilent(turn) ? 'stream silent' : kind);
    phase.style.width = percent(toMs - fromMs, total);
    return phase;
  });
  if (turn.pausedFromMs !== undefined && turn.pausedMs > 0) {
    const pause = element('b', 'paused');
    pause.style.left = percent(turn.pausedFromMs, total);
    pause.style.width = percent(Math.min(turn.pausedMs, total - turn.pausedFromMs), total);
    parts.push(pause);
  }
  for (const { result, endedMs } of turn.attempts) {
    if ((result !== 'error' && result !== 'fallback') || endedMs === undefined || endedMs >= total) continue;
    const failure = element('b', 'failure');
    failure.style.left = percent(endedMs, total);
    parts.push(failure);
  }
  bar.replaceChildren(...parts);
  bar.style.setProperty('--ms', String(Math.max(1, Math.round(total))));
}

/**
 * The bar in words, for whoever cannot see it.
 * @param {TurnRow} turn
 * @param {number} total
 */
export function barText(turn, total) {
  const texts = phasesOf(turn, total).map(
    ({ kind, fromMs, toMs }) => `${PHASE_NAMES[kind]} ${duration(toMs - fromMs)}`,
  );
  if (isSilent(turn)) texts.push(`silent for ${duration(turn.maxGapMs)} of it`);
  return texts.join(', ');
}

/**
 * The end of a scale on which most turns can be compared: a few that take very much longer are cut off.
 * @param {number[]} totals milliseconds
 */
export function scaleOf(totals) {
  const sorted = totals.sort((one, other) => one - other);
  const longest = sorted.at(-1) ?? 0;
  const most = sorted[Math.ceil((sorted.length - 1) * 0.95)] ?? 0;
  const wanted = longest > most * 3 ? most * 1.2 : longest;
  return SCALES.find((end) => end >= wanted) ?? wanted;
}

/** @param {number} ms @param {number} total */
function percent(ms, total) {
  return `${((100 * ms) / Math.max(total, 0.1)).toFixed(3)}%`;
}
