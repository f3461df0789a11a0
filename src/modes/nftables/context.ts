import type { Model } from "../../model/model.ts";
import type { Cidr } from "../../net/cidr.ts";
import { type Family, type Ip, isLoopback } from "../../net/ip.ts";
import { nodePortAddresses } from "../node-port-addresses.ts";
import { type Detector, detectorOf } from "./local-detection.ts";
import type { ResolvedNftablesOptions } from "./options.ts";

/** What the rules of one family depend on besides the service port they are for. */
export interface RuleContext {
  readonly family: Family;
  readonly nodeIp: Ip;
  /** Bit of the packet mark that asks for masquerading, as a number. */
  readonly mark: number;
  readonly masqueradeAll: boolean;
  /** Undefined where pods' own traffic cannot be told from other traffic. */
  readonly detector: Detector | undefined;
  /** Undefined: node ports answer on every local address but loopback. */
  readonly nodePortIps: readonly Ip[] | undefined;
  readonly serviceCidrs: readonly Cidr[];
}

export function ruleContext(model: Model, family: Family, options: ResolvedNftablesOptions): RuleContext {
  const { node } = model;
  const nodePorts = nodePortAddresses(options.nodePortAddresses, family, node);
  return {
    family,
    nodeIp: family === 4 ? node.ip4 : node.ip6,
    mark: (1 << options.masqueradeBit) >>> 0,
    masqueradeAll: options.masqueradeAll,
    detector: detectorOf(options.detectLocal, family, node),
    nodePortIps: nodePorts.all ? undefined : nodePorts.addresses.filter((ip) => !isLoopback(ip)),
    serviceCidrs: model.serviceCidrs[family],
  };
}
