/** Asks bridge pods which snapshot they serve: `GET /snapshot` on their ops port. */
import { request, type IncomingMessage } from 'node:http';

/** A bridge pod that takes connections, as an EndpointSlice names it. */
export interface BridgePod {
  /** Of the pod; its address where the slice names none. */
  readonly name: string;
  /** IPv4 or IPv6, without brackets. */
  readonly address: string;
  readonly port: number;
}

/** What a pod serves; null: nothing yet. */
export interface ServedSnapshot {
  readonly version: string | null;
  readonly generation: number;
}

/** A pod's answer is some hundred bytes. */
const MAX_ANSWER_BYTES = 16 * 1024;
/** Pods answer in milliseconds; who takes longer is asked again. */
const ANSWER_TIMEOUT_MS = 1000;
/** So many at a time: a thousand pods need not all be connected at once. */
const MAX_CONCURRENT = 64;

/**
 * Asks all of them.
 * @returns what each serves, by its name; a pod that did not answer, or with something else, is not there
 */
export async function askPods(
  pods: readonly BridgePod[],
  { signal, timeoutMs = ANSWER_TIMEOUT_MS }: { signal: AbortSignal; timeoutMs?: number },
): Promise<ReadonlyMap<string, ServedSnapshot>> {
  const answers = new Map<string, ServedSnapshot>();
  const waiting = pods.values();
  const ask = async (): Promise<void> => {
    for (const pod of waiting) {
      if (signal.aborted) return;
      const answer = await askPod(pod, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
      if (answer !== undefined) answers.set(pod.name, answer);
    }
  };
  await Promise.all(Array.from({ length: Math.min(MAX_CONCURRENT, pods.length) }, ask));
  return answers;
}

/** Undefined: no answer that could be read. Which reason it was makes no difference: the pod is asked again. */
function askPod({ address, port }: BridgePod, signal: AbortSignal): Promise<ServedSnapshot | undefined> {
  const { promise, resolve } = Promise.withResolvers<ServedSnapshot | undefined>();
  // a connection of its own: a pod that leaves shall not wait for ours
  const options = { host: address, port, path: '/snapshot', agent: false, signal };
  const asked = request(options, (response) => {
    readAnswer(response).then(resolve, () => resolve(undefined));
  });
  asked.on('error', () => resolve(undefined));
  asked.end();
  return promise;
}

async function readAnswer(response: IncomingMessage): Promise<ServedSnapshot | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) return undefined; // leaving the loop destroys the response
    chunks.push(chunk);
  }
  if (response.statusCode !== 200 && response.statusCode !== 503) return undefined;
  return toServedSnapshot(JSON.parse(Buffer.concat(chunks).toString('utf8')));
}

function toServedSnapshot(answer: unknown): ServedSnapshot | undefined {
  if (typeof answer !== 'object' || answer === null || !('version' in answer)) return undefined;
  const { version } = answer;
  const generation = 'generation' in answer ? answer.generation : undefined;
  if (version === null) return { version, generation: 0 };
  if (typeof version !== 'string' || !/^[0-9a-f]{1,64}$/.test(version)) return undefined;
  // a bridge that reads files has no generation
  return { version, generation: Number.isSafeInteger(generation) ? Number(generation) : 0 };
}
