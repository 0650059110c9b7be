/** Errors that a WebSocket answers by itself, without a script. */
import type { JsonObject } from './script.ts';

export interface FrameRefusal {
  readonly code: string;
  readonly message: string;
  readonly param?: string;
  /** Left out: 400. */
  readonly status?: number;
  /** The lane it is about. */
  readonly streamId?: string;
}

/** The `error` event of a refusal. */
export function refusedFrame(refusal: FrameRefusal, isWithoutType: boolean): JsonObject {
  const { code, message, param = null, status = 400, streamId } = refusal;
  return {
    type: 'error',
    status,
    error: { ...(isWithoutType ? {} : { type: 'invalid_request_error' }), code, message, param },
    ...(streamId === undefined ? {} : { stream_id: streamId }),
  };
}

/** What is wrong with a frame's `stream_id`. */
export function streamIdMistake(streamId: unknown, hasLanes: boolean): FrameRefusal | undefined {
  if (streamId === undefined) return undefined;
  if (!hasLanes) {
    return { code: 'unknown_parameter', message: "Unknown parameter: 'stream_id'.", param: 'stream_id' };
  }
  if (typeof streamId === 'string' && /^[A-Za-z0-9_.-]{1,256}$/.test(streamId)) return undefined;
  const message = 'stream_id is 1 to 256 letters, digits, and "_", "." or "-"';
  return { code: 'invalid_stream_id', message, param: 'stream_id' };
}

/** Nothing is known of the response that a request goes on from. */
export function unknownPrevious(id: string, streamId?: string): FrameRefusal {
  return {
    code: 'previous_response_not_found',
    message: `Previous response with id '${id}' not found.`,
    param: 'previous_response_id',
    ...(streamId === undefined ? {} : { streamId }),
  };
}
