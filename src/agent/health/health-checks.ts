import type { Model } from "../../model/model.ts";
import type { ServicePort } from "../../model/service-port.ts";
import { nodePortAddresses, type NodePortRanges } from "../../modes/node-port-addresses.ts";
import { type Family, type Ip, type Ip4, ipKey } from "../../net/ip.ts";
import { type Answer, jsonAnswer } from "../http/answer.ts";

/** A port of the node at which load balancers ask whether a Service has endpoints here. */
export interface HealthCheck {
  readonly family: Family;
  readonly namespace: string;
  readonly service: string;
  /** The Service's healthCheckNodePort. */
  readonly port: number;
  /** Where it listens: every address of the family is one, 0.0.0.0 or ::. */
  readonly ips: readonly Ip[];
  /** Different addresses of ready endpoints on this node, over all ports of the Service. */
  readonly localEndpoints: number;
}

const wildcards: Readonly<Record<Family, Ip>> = { 4: 0 as Ip4, 6: { w0: 0, w1: 0, w2: 0, w3: 0 } };

/**
 * The health checks that a node serves in modes iptables, ipvs and nftables, in order of family, then name. Endpoints
 * that are terminating do not count, be they serving.
 *
 * @param ranges where node ports answer.
 * Source: kube-proxy 1.36, `HealthCheckNodePorts` and `LocalReadyEndpoints`.
 */
export function healthChecks(model: Model, ranges: NodePortRanges): readonly HealthCheck[] {
  return ([4, 6] as const).flatMap((family) => {
    const { all, addresses } = nodePortAddresses(ranges, family, model.node);
    const ips = all ? [wildcards[family]] : addresses;
    return [...byService(model.servicePorts[family]).values()].flatMap((ports) => {
      const { namespace, service } = ports[0]!;
      const port = ports.find(({ healthCheckNodePort }) => healthCheckNodePort !== 0)?.healthCheckNodePort;
      return port === undefined ? [] : [{ family, namespace, service, port, ips, localEndpoints: countLocal(ports) }];
    });
  });
}

function byService(ports: readonly ServicePort[]): ReadonlyMap<string, readonly ServicePort[]> {
  const groups = new Map<string, ServicePort[]>();
  for (const port of ports) {
    const key = `${port.namespace}/${port.service}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [port]);
    else group.push(port);
  }
  return groups;
}

function countLocal(ports: readonly ServicePort[]): number {
  const local = ports.flatMap(({ endpoints }) => endpoints).filter(({ isLocal, ready }) => isLocal && ready);
  return new Set(local.map(({ addr }) => ipKey(addr.ip))).size;
}

/** What a health check says. @param proxyHealthy the node's eligibility plays no part in it. */
export function healthCheckAnswer({ namespace, service, localEndpoints }: HealthCheck, proxyHealthy: boolean): Answer {
  const body = { service: { namespace, name: service }, localEndpoints, serviceProxyHealthy: proxyHealthy };
  const {
    status,
    headers,
    body: text,
  } = jsonAnswer(localEndpoints > 0 && proxyHealthy ? 200 : 503, JSON.stringify(body, undefined, "\t"));
  return { status, headers: { ...headers, "X-Load-Balancing-Endpoint-Weight": String(localEndpoints) }, body: text };
}
