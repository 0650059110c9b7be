/** The default script: answers anybody, and lets Codex run one command. */
import { quoted } from './fill-in.ts';
import type { RecordedRequest, RequestBody } from './recorded-request.ts';
import { inputItems, lastItemType, lastToolOutput, lastUserText, offeredTools } from './request-view.ts';
import type { AnswerLike, Step } from './script.ts';

/** Says what it saw; calls `echo hi` where a prompt says "run" and Codex's tools are offered. */
export function helloAnswer(request: RecordedRequest): AnswerLike {
  const { context: body } = request;
  if (lastItemType(body) === 'compaction_trigger') return compaction;
  const output = lastToolOutput(body);
  if (output !== undefined) return [{ text: `The command ran and said: ${quoted(saidBy(output))}` }];
  if (/\brun\b/i.test(lastUserText(body))) {
    const call = echoCall(body);
    if (call !== undefined) return [call];
  }
  const items = inputItems(body).length;
  const seen = `I saw ${String(items)} input ${items === 1 ? 'item' : 'items'}`;
  const said = quoted(lastUserText(body));
  return [
    {
      text:
        said === ''
          ? `Hello from the scripted provider. ${seen}.`
          : `Hello from the scripted provider. ${seen}; the last user text was: ${said}`,
    },
  ];
}

/** A client that asks for a compaction gets an item it can send back. */
const compaction: readonly Step[] = [
  { item: { type: 'compaction', encrypted_content: 'scripted-compaction' } },
];

/**
 * `echo hi` in the form that the offered tools ask for, undefined when Codex's are not among them: `exec_command`
 * of ordinary models, the code cell `exec` of the others.
 */
export function echoCall(body: RequestBody): Step | undefined {
  const tools = offeredTools(body);
  const command = tools.find((tool) => tool.type === 'function' && tool.name === 'exec_command');
  if (command !== undefined) {
    return {
      toolCall: {
        name: command.name,
        arguments: { cmd: 'echo hi' },
        ...(command.namespace === undefined ? {} : { namespace: command.namespace }),
      },
    };
  }
  const cell = tools.find((tool) => tool.type === 'custom' && tool.name === 'exec');
  if (cell === undefined) return undefined;
  return {
    toolCall: {
      name: cell.name,
      input: 'const r = await tools.exec_command({cmd:"echo hi"}); text(JSON.stringify(r));',
      ...(cell.namespace === undefined ? {} : { namespace: cell.namespace }),
    },
  };
}

/** What the command itself printed: Codex puts its own report before it, or wraps it in JSON. */
function saidBy(output: string): string {
  const json = /"output":("(?:[^"\\]|\\.)*")/.exec(output)?.[1];
  if (json !== undefined) return String(JSON.parse(json));
  const marker = 'Output:\n';
  const at = output.lastIndexOf(marker);
  return at < 0 ? output : output.slice(at + marker.length);
}
