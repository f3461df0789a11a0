import type { Model } from "../../model/model.ts";
import type { ServicePort } from "../../model/service-port.ts";
import type { Family, Ip } from "../../net/ip.ts";
import { type NodePortAddresses, nodePortAddresses } from "../node-port-addresses.ts";
import { type Detector, detectorOf } from "./local-detection.ts";
import type { ResolvedIptablesOptions } from "./options.ts";

/** Above so many endpoints kube-proxy leaves the comments of endpoint rules out, which are 40 % of the text. */
const LARGE_CLUSTER_ENDPOINTS = 1000;

/** What the rules of one family depend on besides the service port they are for. */
export interface RuleContext {
  readonly family: Family;
  readonly nodeIp: Ip;
  /** Bit of the packet mark that asks for masquerading, as a number. */
  readonly mark: number;
  readonly masqueradeAll: boolean;
  /** Undefined where pods' own traffic cannot be told from other traffic. */
  readonly detector: Detector | undefined;
  readonly nodePorts: NodePortAddresses;
  /** Node ports answer on 127.0.0.0/8. */
  readonly localhostNodePorts: boolean;
  readonly endpointComments: boolean;
  readonly tcpBeLiberal: boolean;
  readonly nfacct: boolean;
  readonly randomFully: boolean;
}

export function ruleContext(model: Model, family: Family, options: ResolvedIptablesOptions): RuleContext {
  const nodePorts = nodePortAddresses(options.nodePortAddresses, family, model.node);
  return {
    family,
    nodeIp: family === 4 ? model.node.ip4 : model.node.ip6,
    mark: (1 << options.masqueradeBit) >>> 0,
    masqueradeAll: options.masqueradeAll,
    detector: detectorOf(options.detectLocal, family, model.node),
    nodePorts,
    localhostNodePorts: options.localhostNodePorts && nodePorts.ipv4Loopback,
    endpointComments: countEndpoints(model.servicePorts[family]) <= LARGE_CLUSTER_ENDPOINTS,
    tcpBeLiberal: options.tcpBeLiberal,
    nfacct: options.nfacct,
    randomFully: options.randomFully,
  };
}

function countEndpoints(ports: readonly ServicePort[]): number {
  return ports.reduce((sum, { endpoints }) => sum + endpoints.length, 0);
}
