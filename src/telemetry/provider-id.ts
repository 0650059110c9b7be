/** Identifiers that a provider chose: told to operators only where they look like identifiers. */

const PROVIDER_ID = /^[\w.:-]{1,128}$/;

/** @returns the id as it is, or undefined if it is anything but a short word of letters, digits and `_.:-` */
export function providerId(id: string | undefined): string | undefined {
  return id !== undefined && PROVIDER_ID.test(id) ? id : undefined;
}
