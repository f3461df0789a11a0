import { hash } from "node:crypto";
import type { ServicePortInfo } from "../../model/service-port.ts";
import { protocolName, type SocketAddr } from "../../net/flow.ts";
import { formatIp } from "../../net/ip.ts";
import { base32 } from "../base32.ts";

/** The chains that one service port may have. */
export interface ServiceChains {
  /** Endpoints of policy Cluster. */
  readonly cluster: string;
  /** Endpoints of policy Local. */
  readonly local: string;
  /** Where traffic from outside enters: external IPs, load balancer IPs, node ports. */
  readonly external: string;
  /** Where load balancer traffic is held against the source ranges. */
  readonly firewall: string;
}

/** What an endpoint of a service port with session affinity has to itself. */
export interface EndpointNames {
  readonly chain: string;
  /** The set of the clients that were sent there. */
  readonly affinity: string;
}

type Named = Pick<ServicePortInfo, "namespace" | "service" | "proto" | "portName">;

/** What a name may have in characters behind its prefix; the kernel has room for 255 in all. */
const MAX_LENGTH = 240;

export function serviceChains(port: Named): ServiceChains {
  const name = hashed(serviceName(port));
  return {
    cluster: `service-${name}`,
    local: `local-${name}`,
    external: `external-${name}`,
    firewall: `firewall-${name}`,
  };
}

/** Policies are not part of it. */
export function endpointNames(port: Named, { ip, port: number }: SocketAddr): EndpointNames {
  // nft has no colon in a name.
  const name = hashed(`${serviceName(port)}__${formatIp(ip).replaceAll(":", ".")}/${number}`);
  return { chain: `endpoint-${name}`, affinity: `affinity-${name}` };
}

/** Whether a chain belongs to a service port or an endpoint: only such names have a slash. */
export function isServiceChain(name: string): boolean {
  return name.includes("/");
}

/** Empty port names leave their slash. */
function serviceName({ namespace, service, proto, portName }: Named): string {
  return `${namespace}/${service}/${protocolName(proto)}/${portName}`;
}

/** The hash tells names apart that are cut. Source: kube-proxy, `hashAndTruncate`. */
function hashed(name: string): string {
  const digest = hash("sha256", name, "hex");
  const full = `${base32(Number.parseInt(digest.slice(0, 10), 16))}-${name}`;
  return full.length > MAX_LENGTH ? `${full.slice(0, MAX_LENGTH - 3)}...` : full;
}
