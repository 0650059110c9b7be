/** The inspector of a bridge process: garbage is collected and the heap looked at without a line of ours in it. */
import { WebSocket } from 'ws';

export interface HeapFigures {
  /** Objects on the heap that are in use, in bytes. */
  readonly heap: number;
  /** Bytes of Buffers, outside the heap. */
  readonly buffers: number;
  /** Handles and requests of the event loop that keep the process alive. */
  readonly handles: number;
}

export interface Inspector extends AsyncDisposable {
  /** What is left when all garbage is gone. */
  collected(): Promise<HeapFigures>;
}

const FIGURES = `JSON.stringify({ heap: process.memoryUsage().heapUsed, buffers: process.memoryUsage().arrayBuffers,
  handles: process.getActiveResourcesInfo().length })`;

interface Answer {
  readonly id?: number;
  readonly result?: { readonly result?: { readonly value?: string } };
}

/** Connects to `--inspect`'s address. */
export async function openInspector(url: string): Promise<Inspector> {
  const ws = new WebSocket(url, { perMessageDeflate: false });
  const waiting = new Map<number, (answer: Answer) => void>();
  let calls = 0;
  ws.on('message', (data: Buffer) => {
    const answer = JSON.parse(data.toString()) as Answer;
    if (answer.id !== undefined) waiting.get(answer.id)?.(answer);
  });
  await new Promise((resolve, reject) => {
    ws.once('open', resolve);
    ws.once('error', reject);
  });
  const call = (method: string, params: object = {}): Promise<Answer> => {
    const id = ++calls;
    const { promise, resolve } = Promise.withResolvers<Answer>();
    waiting.set(id, resolve);
    ws.send(JSON.stringify({ id, method, params }));
    return promise.finally(() => waiting.delete(id));
  };
  return {
    collected: async () => {
      // twice: what a finalizer lets go of is garbage only then
      await call('HeapProfiler.collectGarbage');
      await call('HeapProfiler.collectGarbage');
      const { result } = await call('Runtime.evaluate', { expression: FIGURES, returnByValue: true });
      return JSON.parse(result?.result?.value ?? '') as HeapFigures;
    },
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => ws.once('close', resolve));
      ws.close();
      await closed;
    },
  };
}
