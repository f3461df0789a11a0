import { hash } from "node:crypto";
import { type Protocol, protocolName } from "../../net/flow.ts";
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

/** @param servicePort the printed name, `ns/name` or `ns/name:port`. */
export function serviceChains(servicePort: string, proto: Protocol): ServiceChains {
  const hashed = nameHash(servicePort + protocolName(proto));
  return {
    cluster: `KUBE-SVC-${hashed}`,
    local: `KUBE-SVL-${hashed}`,
    external: `KUBE-EXT-${hashed}`,
    firewall: `KUBE-FW-${hashed}`,
  };
}

/**
 * The chain of one endpoint; it is also the name of its list of `-m recent`. Policies are not part of it.
 *
 * @param endpoint `ip:port` or `[ip]:port`.
 */
export function endpointChain(servicePort: string, proto: Protocol, endpoint: string): string {
  return `KUBE-SEP-${nameHash(servicePort + protocolName(proto) + endpoint)}`;
}

/**
 * The first 16 characters of base32(sha256(text)), which is of ten bytes. With the prefix that stays below the 28
 * characters that the kernel has for a name. Source: kube-proxy, `portProtoHash`.
 */
function nameHash(text: string): string {
  const digest = hash("sha256", text, "hex");
  return base32(Number.parseInt(digest.slice(0, 10), 16)) + base32(Number.parseInt(digest.slice(10, 20), 16));
}
