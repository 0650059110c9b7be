/** Events as the text of a server-sent event stream, in the public API's manner or with another provider's quirks. */
import type { JsonObject, Quirk } from './script.ts';

export class SseText {
  private readonly quirks: ReadonlySet<Quirk>;
  private readonly lineEnd: string;

  constructor(quirks: readonly Quirk[]) {
    this.quirks = new Set(quirks);
    this.lineEnd = this.quirks.has('crlf') ? '\r\n' : '\n';
  }

  /** One event with its empty line. Throws TypeError for what JSON cannot hold. */
  event(event: JsonObject): string {
    const lines = this.quirks.has('multiLineData')
      ? JSON.stringify(event, undefined, 1).split('\n')
      : [JSON.stringify(event)];
    const named = !this.quirks.has('noEventLine') && typeof event['type'] === 'string';
    return this.lines([
      ...(named ? [`event: ${String(event['type'])}`] : []),
      ...lines.map((line) => `data: ${line}`),
      '',
    ]);
  }

  comment(text: string): string {
    return this.lines([...text.split('\n').map((line) => `: ${line}`), '']);
  }

  /** What comes after the last event; usually nothing. */
  ending(): string {
    return this.quirks.has('done') ? this.lines(['data: [DONE]', '']) : '';
  }

  private lines(lines: readonly string[]): string {
    return lines.map((line) => `${line}${this.lineEnd}`).join('');
  }
}
