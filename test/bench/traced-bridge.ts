/** The bridge of this checkout with traces on, and a receiver for them. */
import { RunFailed } from './child.ts';
import { fetched } from './fetched.ts';
import { openBridge, openReceiver, THIS_BRIDGE, type BridgeProcess, type Stage } from './middle.ts';

export interface TracedBridge extends AsyncDisposable {
  readonly bridge: BridgeProcess;
  /** @throws RunFailed when spans were lost: what was measured then is not what traces cost. */
  checkSpans(): Promise<void>;
}

/** Every trace is kept. */
export async function openTracedBridge(stage: Stage): Promise<TracedBridge> {
  const receiver = await openReceiver(stage);
  const endpoint = `http://127.0.0.1:${receiver.port}`;
  const bridge = await openBridge(stage, THIS_BRIDGE, { flags: [`--otlp-endpoint=${endpoint}`] }).catch(
    async (error: unknown) => {
      await receiver.child[Symbol.asyncDispose]();
      throw error;
    },
  );
  return {
    bridge,
    checkSpans: async () => {
      const spans = spansIn((await fetched(`http://127.0.0.1:${bridge.opsPort}/metrics`)).text);
      if (spans.exported > 0 && spans.dropped === 0 && spans.failed === 0) return;
      throw new RunFailed(`not every span reached its receiver: ${JSON.stringify(spans)}`);
    },
    [Symbol.asyncDispose]: async () => {
      await bridge[Symbol.asyncDispose]();
      await receiver.child[Symbol.asyncDispose]();
    },
  };
}

function spansIn(metrics: string): Record<'exported' | 'dropped' | 'failed', number> {
  const count = (result: string): number =>
    Number(new RegExp(`^turnbridge_spans_total\\{result="${result}"\\} (\\S+)$`, 'm').exec(metrics)?.[1]);
  return { exported: count('exported'), dropped: count('dropped'), failed: count('failed') };
}
