import { createParser } from 'eventsource-parser';

export type JsonObject = Record<string, unknown>;

/** What a client with an independent SSE parser makes of one answer. */
export interface Heard {
  readonly status: number;
  readonly headers: Headers;
  readonly events: readonly JsonObject[];
  /** `event:` names as sent; undefined where there was none. */
  readonly names: readonly (string | undefined)[];
  /** Data that is no JSON, such as `[DONE]`. */
  readonly otherData: readonly string[];
  readonly comments: readonly string[];
  readonly text: string;
  /** `ended`, or how reading failed. */
  readonly end: string;
}

/** Sends a request and reads its answer to the end; with `events`, only so many and then goes away. */
export async function ask(
  base: string,
  body: JsonObject,
  options: { readonly stopAfter?: number; readonly headers?: Record<string, string> } = {},
): Promise<Heard> {
  const events: JsonObject[] = [];
  const names: (string | undefined)[] = [];
  const otherData: string[] = [];
  const comments: string[] = [];
  const parser = createParser({
    onEvent: ({ data, event }) => {
      if (!data.startsWith('{')) otherData.push(data);
      else {
        events.push(JSON.parse(data) as JsonObject);
        names.push(event);
      }
    },
    onComment: (comment) => comments.push(comment),
    onError: (error) => {
      throw error;
    },
  });
  const response = await fetch(`${base}/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...options.headers },
    body: JSON.stringify({ stream: true, ...body }),
  });
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  const decoder = new TextDecoder();
  let text = '';
  let end = 'ended';
  try {
    for await (const chunk of response.body ?? []) {
      const piece = decoder.decode(chunk, { stream: true });
      text += piece;
      if (isStream) parser.feed(piece);
      if (options.stopAfter !== undefined && events.length >= options.stopAfter) break;
    }
  } catch (error) {
    // Not instanceof: errors of Node itself are of another realm than a test's.
    const { cause } = error as { cause?: { code?: string } };
    end = cause?.code ?? String(error);
  }
  return {
    status: response.status,
    headers: response.headers,
    events,
    names,
    otherData,
    comments,
    text,
    end,
  };
}

/** Types of events without `response.`, for comparing whole streams at a glance. */
export function typesOf(heard: Heard): readonly string[] {
  return heard.events.map((event) => String(event['type']).replace(/^response\./, ''));
}

/** All text deltas joined. */
export function saidIn(heard: Heard): string {
  return heard.events
    .filter((event) => event['type'] === 'response.output_text.delta')
    .map((event) => String(event['delta']))
    .join('');
}

/** The response object of the last event. */
export function responseIn(heard: Heard): JsonObject {
  return heard.events.at(-1)?.['response'] as JsonObject;
}

/** Items of output_item.done events. */
export function doneItems(heard: Heard): readonly JsonObject[] {
  return heard.events
    .filter((event) => event['type'] === 'response.output_item.done')
    .map((event) => event['item'] as JsonObject);
}
