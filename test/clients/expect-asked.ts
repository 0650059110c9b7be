/** What a provider must have been asked for a turn through a sample. */
import { expect } from '@jest/globals';
import type { RecordedRequest } from '../../src/scripted/recorded-request.ts';
import type { SampleCase } from './sample-cases.ts';

/** @param requests All that came of one turn. */
export function expectAsked({ asked, orAsked }: SampleCase, requests: readonly RecordedRequest[]): void {
  // warm-ups reach a WebSocket as they are
  const [turn, ...more] = requests.filter(
    ({ method, body }) => ['WS', 'POST'].includes(method) && body['generate'] !== false,
  );
  expect(more).toEqual([]);
  const wanted = turn?.body.model === orAsked?.model ? (orAsked ?? asked) : asked;
  const { path, model, headers, over = 'websocket' } = wanted;
  expect(turn).toMatchObject({ path, body: { model }, via: over });
  const seen = Object.fromEntries(Object.keys(headers).map((name) => [name, turn?.headers[name] ?? null]));
  expect(seen).toEqual(headers);
  // what the bridge answered by itself (a warm-up) is nothing a provider knows of
  if (over === 'http') expect(turn?.body['previous_response_id']).toBeUndefined();
}
