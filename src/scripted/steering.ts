/** `response.steer`: which steers wait for which response, and what becomes of them. */
import { inputItems, textOf } from './request-view.ts';
import type { RunningResponse } from './running-response.ts';
import type { JsonObject } from './script.ts';

export interface Steer {
  readonly id: string;
  readonly previousId: string;
  /** User messages. */
  readonly items: readonly JsonObject[];
}

/** More are refused. The public API names no number. */
const maxPendingSteers = 8;

export class Steering {
  private readonly pending = new Map<string, Steer[]>();
  private count = 0;

  /** Notes a steer for a response that runs. Returns the event that answers it. */
  accept(frame: JsonObject, socketId: number): JsonObject {
    const previousId = String(frame['previous_response_id']);
    const steers = this.pending.get(previousId) ?? [];
    if (steers.length >= maxPendingSteers) {
      return steerFailed(frame, 'too_many_pending_steers', 'too many steers wait for this response');
    }
    const items = inputItems({ input: frame['input'] });
    if (items.length === 0 || items.some((item) => item['role'] !== 'user')) {
      return steerFailed(frame, 'invalid_input', 'input must be a text or user messages');
    }
    this.count += 1;
    const id = `steer_${String(socketId)}_${String(this.count)}`;
    this.pending.set(previousId, [...steers, { id, previousId, items }]);
    return { type: 'response.steer.accepted', steer: { id, previous_response_id: previousId } };
  }

  /** Those who wait for a response, without taking them. */
  waiting(responseId: string): readonly Steer[] {
    return this.pending.get(responseId) ?? [];
  }

  /** Those who wait for a response; they wait no longer. */
  take(responseId: string): readonly Steer[] {
    const steers = this.waiting(responseId);
    this.pending.delete(responseId);
    return steers;
  }
}

/** The refusal of a steer. */
export function steerFailed(frame: JsonObject, code: string, message: string): JsonObject {
  return {
    type: 'response.steer.failed',
    error: { type: 'invalid_request_error', code, message },
    steer: { previous_response_id: frame['previous_response_id'] ?? null, input: frame['input'] ?? null },
  };
}

/** What a steer waits for when its response ended with open tool calls. */
export function steerPending(steer: Steer, response: RunningResponse): JsonObject {
  return {
    type: 'response.steer.pending',
    reason: 'waiting_for_required_input',
    required_input: response.watch.calls.map((call) => ({
      type: `${String(call['type'])}_output`,
      call_id: call['call_id'],
      name: call['name'],
    })),
    steer: { id: steer.id, previous_response_id: steer.previousId },
  };
}

/** The steers' messages, one after the other. */
export function steeredItems(steers: readonly Steer[]): readonly JsonObject[] {
  return steers.flatMap((steer) => steer.items);
}

/** What a successor says: the text of its steers. */
export function steeredText(items: readonly JsonObject[]): string {
  return `Steered: ${items.map((item) => textOf(item['content'])).join(' ')}`;
}
