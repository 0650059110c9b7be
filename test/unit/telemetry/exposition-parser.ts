/**
 * Reads what a scraper reads, and refuses whatever the two formats do not allow: written from their specifications
 * (Prometheus "Text-based format" 0.0.4, OpenMetrics 1.0.0), not from what we write.
 */

export interface Exposed {
  /** Family to type, as declared. */
  readonly types: ReadonlyMap<string, string>;
  /** `name{labels}`, labels as written, to value. */
  readonly samples: ReadonlyMap<string, number>;
  /** `name{labels}` of a bucket to its exemplar. */
  readonly exemplars: ReadonlyMap<string, ParsedExemplar>;
}

export interface ParsedExemplar {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly timestamp: number;
}

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Family {
  readonly name: string;
  readonly type: string;
  readonly samples: Sample[];
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"';
const LABELS = `\\{(?:${LABEL}(?:,${LABEL})*)?\\}`;
const NUMBER = '(?:[+-]?\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?|\\+Inf|-Inf|NaN)';
const SAMPLE = new RegExp(`^(${NAME})(${LABELS})? (${NUMBER})(?: # (${LABELS}) (${NUMBER}) (${NUMBER}))?$`);
const META = new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`);

export function parseText(body: string): Exposed {
  if (!body.endsWith('\n')) throw new Error('the last line has no end');
  return parse(body.slice(0, -1).split('\n'), 'text');
}

export function parseOpenMetrics(body: string): Exposed {
  if (!body.endsWith('\n# EOF\n')) throw new Error('no # EOF at the end');
  const lines = body.slice(0, -'\n# EOF\n'.length).split('\n');
  if (lines.includes('')) throw new Error('OpenMetrics has no empty lines');
  return parse(lines, 'openmetrics');
}

function parse(lines: readonly string[], format: 'text' | 'openmetrics'): Exposed {
  const families = new Map<string, Family>();
  const samples = new Map<string, number>();
  const exemplars = new Map<string, ParsedExemplar>();
  const helped = new Set<string>();
  let current: Family | undefined;
  for (const line of lines) {
    if (line === '') continue;
    const meta = META.exec(line);
    if (meta !== null) {
      const [, keyword, name = '', rest = ''] = meta;
      const seen = keyword === 'HELP' ? helped.has(name) : families.has(name);
      if (seen) throw new Error(`${name} is described twice`);
      if (keyword === 'HELP') helped.add(name);
      else families.set(name, (current = { name, type: rest, samples: [] }));
      continue;
    }
    const match = SAMPLE.exec(line);
    if (match === null) throw new Error(`not a sample: ${line}`);
    const [, name = '', labels = '', value, exemplarLabels, exemplarValue, timestamp] = match;
    if (current === undefined || !belongs(name, current, format)) throw new Error(`out of place: ${line}`);
    const key = `${name}${labels}`;
    if (samples.has(key)) throw new Error(`twice: ${key}`);
    samples.set(key, toNumber(value));
    current.samples.push({ name, labels: toLabels(labels), value: toNumber(value) });
    if (exemplarLabels === undefined) continue;
    if (format === 'text' || !name.endsWith('_bucket')) throw new Error(`no place for an exemplar: ${line}`);
    exemplars.set(key, {
      labels: toLabels(exemplarLabels),
      value: toNumber(exemplarValue),
      timestamp: toNumber(timestamp),
    });
  }
  for (const family of families.values()) check(family, helped, format);
  return {
    types: new Map([...families.values()].map(({ name, type }) => [name, type])),
    samples,
    exemplars,
  };
}

/** Whether a sample's name is one that its family may have. */
function belongs(name: string, { name: family, type }: Family, format: 'text' | 'openmetrics'): boolean {
  if (type === 'histogram') return ['_bucket', '_sum', '_count'].some((end) => name === family + end);
  return name === (type === 'counter' && format === 'openmetrics' ? `${family}_total` : family);
}

function check(family: Family, helped: ReadonlySet<string>, format: 'text' | 'openmetrics'): void {
  const { name, type, samples } = family;
  if (!['counter', 'gauge', 'histogram'].includes(type)) throw new Error(`${name} is of no type: ${type}`);
  if (!helped.has(name)) throw new Error(`${name} is not explained`);
  if (format === 'text' && type === 'counter' && !name.endsWith('_total'))
    throw new Error(`${name}: a counter?`);
  if (type !== 'gauge' && samples.some(({ value }) => !(value >= 0)))
    throw new Error(`${name} is below zero`);
  if (type === 'histogram') checkHistogram(name, samples, format);
}

/** Each label set: its buckets side by side and ascending, the last one +Inf and equal to the count, and a sum. */
function checkHistogram(name: string, samples: readonly Sample[], format: 'text' | 'openmetrics'): void {
  let at = 0;
  const seen = new Set<string>();
  while (at < samples.length) {
    const key = withoutBound(samples[at]!);
    if (seen.has(key)) throw new Error(`${name}${key} is in two places`);
    seen.add(key);
    let bound = -Infinity;
    let count = 0;
    for (; samples[at]?.name === `${name}_bucket` && withoutBound(samples[at]!) === key; at += 1) {
      const { labels, value } = samples[at]!;
      const le = labels['le'] ?? '';
      if (format === 'openmetrics' && le !== canonical(toNumber(le))) throw new Error(`${name}: le="${le}"`);
      if (toNumber(le) <= bound || value < count) throw new Error(`${name}${key} does not ascend at ${le}`);
      bound = toNumber(le);
      count = value;
    }
    const [sum, total] = [samples[at], samples[at + 1]];
    if (sum?.name !== `${name}_sum` || total?.name !== `${name}_count`)
      throw new Error(`${name}${key} has no end`);
    if (withoutBound(sum) !== key || withoutBound(total) !== key)
      throw new Error(`${name}${key} is mixed up`);
    if (bound !== Infinity || total.value !== count) throw new Error(`${name}${key} does not add up`);
    at += 2;
  }
}

function withoutBound({ labels }: Sample): string {
  return JSON.stringify(Object.entries(labels).filter(([label]) => label !== 'le'));
}

/** As Go writes a float with the fewest digits ("%g"), with a point: 1.0, 0.25, 1e+06. */
function canonical(value: number): string {
  if (value === Infinity) return '+Inf';
  if (value >= 1e6) {
    const [digits, exponent = ''] = value.toExponential().split('e+');
    return `${digits}e+${exponent.padStart(2, '0')}`;
  }
  return Number.isInteger(value) ? value.toFixed(1) : `${value}`;
}

function toNumber(text: string | undefined): number {
  if (text === '+Inf') return Infinity;
  if (text === '-Inf') return -Infinity;
  return Number(text);
}

function toLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [, name = '', value = ''] of text.matchAll(/([a-zA-Z0-9_]+)="((?:[^"\\]|\\.)*)"/g)) {
    if (name in labels) throw new Error(`label ${name} twice: ${text}`);
    labels[name] = value;
  }
  return labels;
}
