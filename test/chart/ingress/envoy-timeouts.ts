/**
 * What products that are Envoy inside make of the chart's objects for long requests. Those run nowhere without their
 * control plane; Contour does, and has tests of its own.
 */
import type { EnvoyTimeouts } from './envoy.ts';
import type { Annotations } from './nginx-location.ts';

/** A stream in which nothing moves is ended by this product's listener after so long, where nothing else is said. */
export interface ListenerDefault {
  /** `5m0s`, `0s` for never. */
  readonly streamIdle: string;
}

/** `spec` of a BackendTrafficPolicy. */
export interface TrafficPolicy {
  readonly timeout: { readonly http: TrafficTimeouts };
}

export interface TrafficTimeouts {
  readonly streamIdleTimeout?: string;
  readonly requestTimeout?: string;
}

/**
 * Envoy Gateway: `internal/xds/translator/route.go` of envoyproxy/gateway. The policy's idle time is the route's; its
 * request time is the route's, over that of the HTTPRoute.
 */
export function gatewayTimeouts(
  { streamIdleTimeout, requestTimeout }: TrafficTimeouts,
  listener: ListenerDefault,
): EnvoyTimeouts {
  return {
    ...listener,
    ...(streamIdleTimeout !== undefined && { routeIdle: streamIdleTimeout }),
    ...(requestTimeout !== undefined && { request: requestTimeout }),
  };
}

/** `spec` of a VirtualService. */
export interface VirtualService {
  readonly http: readonly VirtualRoute[];
}

export interface VirtualRoute {
  readonly timeout?: string;
}

/** Istio: `pilot/pkg/networking/core/route/route.go` of istio/istio. Without a timeout the route has none. */
export function istioTimeouts({ timeout = '0s' }: VirtualRoute, listener: ListenerDefault): EnvoyTimeouts {
  return { ...listener, request: timeout };
}

/**
 * Cilium: `operator/pkg/model/translation` of cilium/cilium. The idle time is the listener's, from Cilium's Helm value
 * `envoy.streamIdleTimeoutDurationSeconds`; the annotation is the route's.
 */
export function ciliumTimeouts(of: Annotations, listener: ListenerDefault): EnvoyTimeouts {
  const request = of['ingress.cilium.io/request-timeout'];
  return { ...listener, ...(request !== undefined && { request }) };
}
