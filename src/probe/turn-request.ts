/** What we ask for. */

export interface TurnRequest {
  readonly model: string;
  readonly text: string;
  readonly previousResponseId?: string | undefined;
}

/** How we name ourselves; the bridge counts `turnbridge/…` as a kind of client of its own. */
export const USER_AGENT = 'turnbridge/probe';

/** @returns the body of `POST …/responses`, streaming */
export function toHttpBody(request: TurnRequest): Record<string, unknown> {
  return { ...toFields(request), stream: true };
}

/** @returns the `response.create` frame for the same */
export function toCreateFrame(request: TurnRequest): Record<string, unknown> {
  return { type: 'response.create', ...toFields(request) };
}

/** @returns the frame that prepares a conversation without an answer, as Codex sends it first */
export function toWarmUpFrame(model: string, instructions: string): Record<string, unknown> {
  return {
    type: 'response.create',
    model,
    input: [{ type: 'message', role: 'developer', content: [{ type: 'input_text', text: instructions }] }],
    store: false,
    generate: false,
  };
}

function toFields({ model, text, previousResponseId }: TurnRequest): Record<string, unknown> {
  return {
    model,
    input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text }] }],
    store: false,
    ...(previousResponseId !== undefined && { previous_response_id: previousResponseId }),
  };
}

/** @returns headers of a handshake or a request; the key as every client sends it */
export function toHeaders(key: string | undefined): Record<string, string> {
  return { 'user-agent': USER_AGENT, ...(key !== undefined && { authorization: `Bearer ${key}` }) };
}
