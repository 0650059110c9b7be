import type { KubeError } from '../kube/kube-error.ts';

/** Why a reflector's last list or watch failed, in words; undefined: it did not. */
export function troubleOf({ lastError }: { readonly lastError: KubeError | undefined }): string | undefined {
  return lastError?.message;
}

/** A reason in brackets, to go behind what it explains; empty where there is none. */
export function because(trouble: string | undefined): string {
  return trouble === undefined ? '' : ` (${trouble})`;
}
