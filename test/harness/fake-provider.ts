/** The far side of a test: the scripted provider on a free port of loopback. */
import { openScriptedProvider } from '../../src/scripted/scripted-provider.ts';
import type { ScriptedProvider, ScriptedProviderOptions } from '../../src/scripted/scripted-provider.ts';
import type { ScriptLike } from '../../src/scripted/choose-answer.ts';
import type { Step } from '../../src/scripted/script.ts';

/** Use with `await using`: it closes with the test. Without `webSocket` upgrades are answered 404, unless the script says otherwise. */
export function fakeProvider(
  script: ScriptLike = 'hello',
  options: Omit<ScriptedProviderOptions, 'script'> = {},
): Promise<ScriptedProvider> {
  return openScriptedProvider({ ...options, script });
}

/** One message. */
export function textAnswer(text: string): readonly Step[] {
  return [{ text }];
}

/** One function call; the arguments become JSON. */
export function toolAnswer(name: string, args: unknown = {}, callId?: string): readonly Step[] {
  return [{ toolCall: { name, arguments: args, ...(callId === undefined ? {} : { callId }) } }];
}

export interface Gate {
  /** For a step `{ until: gate.promise }`. */
  readonly promise: Promise<void>;
  open(): void;
}

/** Holds a scripted answer at an exact place until the test opens it. */
export function gate(): Gate {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { promise, open: () => resolve() };
}
