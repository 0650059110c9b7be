/** Which of the two formats of Prometheus a scraper wants. */

/** A scraper names a handful of formats; what comes after is not read. */
const MAX_RANGES = 20;

/**
 * @param accept the request's header
 * @returns true if OpenMetrics 1.0.0 is asked for by name and nothing that we have is wanted more
 */
export function prefersOpenMetrics(accept: string | undefined): boolean {
  let openMetrics = 0;
  let text = 0;
  for (const range of (accept ?? '').toLowerCase().split(',', MAX_RANGES)) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    const weight = weightOf(parameters);
    const version = valueOf(parameters, 'version');
    if (type === 'application/openmetrics-text') {
      if (version === undefined || version === '1.0.0') openMetrics = Math.max(openMetrics, weight);
    } else if (type === 'text/plain' || type === 'text/*' || type === '*/*') {
      if (version === undefined || version === '0.0.4') text = Math.max(text, weight);
    }
  }
  return openMetrics > 0 && openMetrics >= text;
}

/** RFC 9110, 12.4.2: 1 when it is not said. What cannot be read is no wish. */
function weightOf(parameters: readonly string[]): number {
  const q = valueOf(parameters, 'q');
  if (q === undefined) return 1;
  const weight = Number(q);
  return weight >= 0 && weight <= 1 ? weight : 0;
}

function valueOf(parameters: readonly string[], name: string): string | undefined {
  const found = parameters.find((parameter) => parameter.startsWith(`${name}=`));
  return found?.slice(name.length + 1).replaceAll('"', '');
}
