/** What tests of a drain share. */
import { UpgradeRefused } from '../harness/connect.ts';
import { gate } from '../harness/fake-provider.ts';
import { until } from '../harness/wait-for.ts';
import type { Scene } from './scene.ts';
import type { Step } from '../../src/scripted/script.ts';

/** An answer that waits in its middle. */
export function heldAnswer(): { readonly script: readonly Step[]; readonly open: () => void } {
  const held = gate();
  return {
    script: [{ begin: true }, { until: held.promise }, { text: 'to the end' }],
    open: () => held.open(),
  };
}

/** Resolves when the delay of the drain is over. */
export async function firstRefusal(scene: Scene): Promise<UpgradeRefused> {
  return until(async () => {
    const outcome: unknown = await scene.connect().catch((error: unknown) => error);
    return outcome instanceof UpgradeRefused && outcome;
  }, 'upgrades to be refused');
}
