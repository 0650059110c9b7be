/** A conversation with one tool: the call, and a text once its output has come. */
import { echoCall } from './hello.ts';
import type { RecordedRequest } from './recorded-request.ts';
import { lastToolOutput, offeredTools } from './request-view.ts';
import type { AnswerLike } from './script.ts';

/** Calls the tool that is offered, or `get_weather` where none is. */
export function toolCallAnswer(request: RecordedRequest): AnswerLike {
  const output = lastToolOutput(request.context);
  if (output !== undefined) return [{ text: `The tool said: ${output.slice(0, 200)}` }];
  const call = echoCall(request.context);
  if (call !== undefined) return [call];
  const offered = offeredTools(request.context).find((tool) => tool.type === 'function');
  if (offered !== undefined) return [{ toolCall: { name: offered.name, arguments: {} } }];
  return [{ toolCall: { name: 'get_weather', arguments: { city: 'Paris' } } }];
}
