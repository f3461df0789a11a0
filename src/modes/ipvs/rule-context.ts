import type { NodeView } from "../../model/model.ts";
import type { ServicePort } from "../../model/service-port.ts";
import { hostCidr } from "../../net/cidr.ts";
import type { Family } from "../../net/ip.ts";
import type { Match } from "../iptables/ruleset.ts";
import type { SetKey } from "./kube-sets.ts";
import { notLocal } from "./not-local.ts";
import type { ResolvedIpvsOptions } from "./options.ts";
import { admitsNode } from "./service-sets.ts";

/** What the rules of one family depend on. */
export interface RuleContext {
  readonly family: Family;
  /** Whether a set has entries: rules ask only such a set. */
  has(key: SetKey): boolean;
  /** Bit of the packet mark that asks for masquerading, as a number. */
  readonly mark: number;
  readonly masqueradeAll: boolean;
  readonly randomFully: boolean;
  /** Undefined where pods' own traffic cannot be told from other traffic. */
  readonly notLocal: Match | undefined;
  /** Virtual servers that the node itself may not reach. */
  readonly closedToNode: readonly (Match & { readonly kind: "ipvs" })[];
}

export function ruleContext(
  ports: readonly ServicePort[],
  family: Family,
  node: NodeView,
  options: ResolvedIpvsOptions,
  has: (key: SetKey) => boolean,
): RuleContext {
  const nodeIp = family === 4 ? node.ip4 : node.ip6;
  const closed = ports.filter((port) => port.sourceRanges.length > 0 && !admitsNode(port, nodeIp));
  return {
    family,
    has,
    mark: (1 << options.masqueradeBit) >>> 0,
    masqueradeAll: options.masqueradeAll,
    randomFully: options.randomFully,
    notLocal: notLocal(options.detectLocal, family, node),
    closedToNode: closed.flatMap(({ proto, port, loadBalancerIps }) =>
      loadBalancerIps.map((ip) => ({ kind: "ipvs", vaddr: hostCidr(ip), proto, port }) as const),
    ),
  };
}
