/**
 * Keeps routes of a cluster from what lies on the bridge's own machine, its link or its cloud's metadata service:
 * whoever may write a route must not thereby read a node's metadata or talk to a sidecar's localhost. What is
 * forbidden is in route/host-kind.ts; file routes lift the guard.
 *
 * Checked twice: the host of the URL, then every address that DNS gives for it, at the moment of dialling.
 */
import { lookup as dnsLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { addressKind, hostKind } from '../route/host-kind.ts';

/** Why a connection was not attempted. `code` marks it on its way through undici. */
export class AddressRefused extends Error {
  readonly code = 'TURNBRIDGE_ADDRESS_REFUSED';

  constructor() {
    super('the address is loopback, link-local or a metadata service');
    this.name = 'AddressRefused';
  }
}

/** Is this the name, or literal address, of something that a guarded route may not reach? See {@link hostKind}. */
export function isForbiddenHost(host: string): boolean {
  return hostKind(host) === 'local';
}

/** The same for what DNS gave: what is no address is forbidden. */
export function isForbiddenAddress(address: string): boolean {
  return (addressKind(address) ?? 'local') === 'local';
}

/**
 * A `lookup` for sockets that refuses a name as soon as one of its addresses is forbidden: a public name that leads
 * to loopback is an attack or a mistake, and dialling its other addresses would hide either.
 *
 * @param lookup Resolves names; the system's resolver unless a test has its own.
 */
export function guardedLookup(lookup: LookupFunction = dnsLookup): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, options, (error, address, family) => {
      if (error === null || error === undefined) {
        const addresses = Array.isArray(address) ? address.map((entry) => entry.address) : [address];
        if (addresses.some(isForbiddenAddress)) {
          callback(new AddressRefused(), address, family);
          return;
        }
      }
      callback(error, address, family);
    });
  };
}
