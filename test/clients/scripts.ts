/** Scripts of providers that several of these tests share. */
import type { AnswerFunction, Step } from '../../src/scripted/script.ts';
import { inputOf, textOf, wholeInputOf } from './comparable.ts';

/** Runs `echo hi`, then says so. Knows the tools of ordinary models and of lite ones. */
export const echoScript: AnswerFunction = (request) => {
  const last = inputOf(request).at(-1);
  if (last?.['type'] !== 'message') return [{ text: 'All done: hi' }];
  return [isLite(request) ? customEcho : functionEcho];
};

const functionEcho: Step = { toolCall: { name: 'exec_command', arguments: { cmd: 'echo hi' } } };

const customEcho: Step = {
  toolCall: {
    kind: 'custom',
    namespace: 'functions',
    name: 'exec',
    input: 'const r = await tools.exec_command({cmd:"echo hi"}); text(JSON.stringify(r));',
  },
};

/** Says which question it was asked, so that answers can be told apart. */
export const answerScript: AnswerFunction = (request) => [
  { text: `Answer to: ${textOf(inputOf(request).at(-1))}` },
];

/** Answers turns, and compactions in either form that Codex has. */
export const compactionScript: AnswerFunction = (request) => {
  const last = inputOf(request).at(-1);
  if (last?.['type'] === 'compaction_trigger') {
    return [{ item: { id: 'cmp_1', type: 'compaction', encrypted_content: 'compacted-and-encrypted' } }];
  }
  return [{ text: `Answer to: ${textOf(last).slice(0, 20)}` }];
};

/** A parent that gives a task to a sub-agent and waits for it. */
export const subAgentScript: AnswerFunction = (request) => {
  const last = inputOf(request).at(-1);
  // ids of their own: the number of a request depends on which agent was faster
  const call = (name: string, id: string, args: object): Step[] => [
    {
      item: {
        id: `fc_${id}`,
        type: 'function_call',
        status: 'completed',
        namespace: 'multi_agent_v1',
        name,
        call_id: `call_${id}`,
        arguments: JSON.stringify(args),
      },
    },
  ];
  if (request.headers['x-openai-subagent'] !== undefined) return [{ text: 'The sub-agent is done' }];
  if (last?.['type'] === 'function_call_output' && last['call_id'] === 'call_spawn') {
    const { agent_id: target } = JSON.parse(String(last['output'])) as { agent_id: string };
    return call('wait_agent', 'wait', { targets: [target] });
  }
  const hasSpawned = wholeInputOf(request).some((item) => item['call_id'] === 'call_spawn');
  return hasSpawned
    ? [{ text: 'The parent is done' }]
    : call('spawn_agent', 'spawn', { message: 'SUBTASK: do it' });
};

function isLite(request: Parameters<AnswerFunction>[0]): boolean {
  return wholeInputOf(request).some((item) => item['type'] === 'additional_tools');
}
