/** What telemetry hears of an upgrade or a request that was answered at the door. */
import { isIPv4, isIPv6 } from 'node:net';
import { chooseGroup } from '../route/match.ts';
import type { RouteGroup, Snapshot } from '../route/snapshot.ts';
import { toClientTrace } from '../turn/request-details.ts';
import type { ClientAddressPolicy } from './connection-tools.ts';
import type { FailedTunnel, HandshakeRecord, HandshakeResult } from './facts.ts';
import { clientKindOf, type RequestHead } from './request-head.ts';

/** What a record is made from. */
export interface HandshakeSource {
  readonly via: HandshakeRecord['via'];
  readonly startedAt: number;
  /** Undefined: the head was not even read. */
  readonly head: RequestHead | undefined;
  /** The peer's address, as the socket has it. */
  readonly address: string | undefined;
  readonly group: RouteGroup | undefined;
  /** What was asked for below the group's base, as configuration names it. Left out: `/responses`. */
  readonly path?: string | undefined;
  readonly failed?: FailedTunnel | undefined;
  readonly connectionId?: string;
  readonly tenant?: string;
}

const AUTH_METHODS = { None: 'none', Passthrough: 'passthrough', APIKey: 'api_key' } as const;

/** `name/version`, the beginning of a `user-agent`. What follows is free text, and stays out. */
const PROGRAM = /^[\w.-]{1,64}\/[\w.+-]{1,63}/;

export function toHandshakeRecord(
  {
    via,
    startedAt,
    head,
    address,
    group,
    path = '/responses',
    connectionId,
    tenant,
    failed,
  }: HandshakeSource,
  result: HandshakeResult,
  status: number,
  addressPolicy: ClientAddressPolicy,
): HandshakeRecord {
  return {
    via,
    method: head?.method ?? 'GET',
    result,
    status,
    startedAt,
    endedAt: performance.now(),
    route: group && `${group.path}${path}`,
    clientKind: head === undefined ? 'other' : clientKindOf(head),
    userAgent: head && PROGRAM.exec(head.headers['user-agent'] ?? '')?.[0],
    clientAddress: address === undefined ? undefined : shownAddress(address, addressPolicy),
    connectionId,
    tenant,
    authMethod: group && AUTH_METHODS[group.clients.auth.type],
    clientTrace: head && toClientTrace(head.fields),
    tracePolicy: group?.clients.trace ?? 'Ignore',
    failed,
  };
}

/** The group that a refused request asked for, as far as it got. */
export function groupOf(snapshot: Snapshot | undefined, head: RequestHead): RouteGroup | undefined {
  return snapshot && chooseGroup(snapshot, head.host, head.path)?.group;
}

/** The network of a peer, /24 or /48: near enough to see where trouble comes from, not who it is. */
function shownAddress(address: string, policy: ClientAddressPolicy): string {
  const plain = address.startsWith('::ffff:') && isIPv4(address.slice(7)) ? address.slice(7) : address;
  if (policy === 'full') return plain;
  if (isIPv4(plain)) return `${plain.split('.').slice(0, 3).join('.')}.0`;
  return isIPv6(plain) ? firstGroups(plain) : '';
}

/** `2001:db8:7::` of `2001:db8:7:1::2`. */
function firstGroups(address: string): string {
  const [head = ''] = address.split('::', 1);
  const groups = head === '' ? [] : head.split(':');
  return `${groups.slice(0, 3).join(':')}::`;
}
