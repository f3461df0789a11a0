import { isSluiceError } from "../../core/errors.ts";
import type { Model, NodeView } from "../../model/model.ts";
import type { ProgramOptions } from "../../modes/compile.ts";
import { type IpvsOptions, resolveIpvsOptions } from "../../modes/ipvs/options.ts";
import type { LocalDetection } from "../../modes/local-detection.ts";
import type { NftablesOptions } from "../../modes/nftables/options.ts";
import { resolveUserspaceOptions } from "../../modes/userspace/options.ts";
import { familyOf, type Ip, parseIp } from "../../net/ip.ts";
import type { KubeProxyConfiguration } from "./config.ts";
import { durationSeconds } from "./go-duration.ts";
import type { Objection } from "./objection.ts";

/** What the compilers are told. */
export interface ConfiguredOptions extends ProgramOptions {
  nftables?: NftablesOptions;
}

/** What was found on the host that the rules are for. */
export interface HostFindings {
  /** It has the counters of nfacct. @default true */
  readonly nfacct?: boolean;
  /** Its conntrack is liberal about TCP windows, whatever the configuration says. @default false */
  readonly tcpBeLiberal?: boolean;
}

/** What a configuration says to the compiler of its mode, and to no other. */
export function programOptionsOf(config: KubeProxyConfiguration, found: HostFindings = {}): ConfiguredOptions {
  const { nodePortAddresses } = config;
  switch (config.mode) {
    case "userspace": {
      const { bindAddress, portRange } = config;
      return { userspace: { bindAddress, ...(portRange === "" ? {} : { portRange }) } };
    }
    case "iptables": {
      const { masqueradeBit, masqueradeAll, localhostNodePorts } = config.iptables;
      const tcpBeLiberal = config.conntrack.tcpBeLiberal || found.tcpBeLiberal === true;
      const masquerading = { masqueradeBit, masqueradeAll, detectLocal: detectLocalOf(config) };
      const counters = found.nfacct === false ? { nfacct: false } : {};
      return { iptables: { ...masquerading, localhostNodePorts, nodePortAddresses, tcpBeLiberal, ...counters } };
    }
    case "ipvs":
      return { ipvs: ipvsOptionsOf(config) };
    case "nftables": {
      const { masqueradeBit, masqueradeAll } = config.nftables;
      return { nftables: { masqueradeBit, masqueradeAll, detectLocal: detectLocalOf(config), nodePortAddresses } };
    }
  }
}

function ipvsOptionsOf(config: KubeProxyConfiguration): IpvsOptions {
  const { scheduler, excludeCIDRs, strictARP, tcpTimeout, tcpFinTimeout, udpTimeout } = config.ipvs;
  const { masqueradeBit, masqueradeAll } = config.iptables;
  return {
    scheduler: scheduler || "rr",
    nodePortAddresses: config.nodePortAddresses,
    masqueradeBit,
    masqueradeAll,
    detectLocal: detectLocalOf(config),
    excludeCIDRs,
    strictARP,
    tcpTimeoutSeconds: durationSeconds(tcpTimeout),
    tcpFinTimeoutSeconds: durationSeconds(tcpFinTimeout),
    udpTimeoutSeconds: durationSeconds(udpTimeout),
  };
}

function detectLocalOf({ detectLocalMode, detectLocal, clusterCIDR }: KubeProxyConfiguration): LocalDetection<string> {
  switch (detectLocalMode) {
    case "NodeCIDR":
      return { by: "node-cidr" };
    case "BridgeInterface":
      return { by: "bridge-interface", name: detectLocal.bridgeInterface };
    case "InterfaceNamePrefix":
      return { by: "interface-prefix", prefix: detectLocal.interfaceNamePrefix };
    default:
      return clusterCIDR === "" ? { by: "none" } : { by: "cluster-cidr", ranges: clusterCIDR.split(",") };
  }
}

/** Of what the compilers themselves have limits for. */
export function checkProgramOptions(config: KubeProxyConfiguration): Objection | undefined {
  const { userspace, ipvs } = programOptionsOf(config);
  try {
    if (userspace !== undefined) resolveUserspaceOptions(userspace);
    if (ipvs !== undefined) resolveIpvsOptions(ipvs);
    return undefined;
  } catch (error) {
    if (!isSluiceError(error, "CONFIG_INVALID")) throw error;
    // The userspace mode's fields have no section, and no field names its unit.
    const field = error.details.path.replace(/^userspace\./, "").replace(/Seconds$/, "");
    return { field, expected: error.details.expected };
  }
}

/** The address that `bindAddress` gives to the node, whatever its Node object says; undefined: none. */
export function nodeAddressOf({ bindAddress }: KubeProxyConfiguration): Ip | undefined {
  return /^[0.:]+$/.test(bindAddress) ? undefined : parseIp(bindAddress);
}

/** The model of a node whose own address of one family is another one. @param ip undefined: the model as it is. */
export function withNodeAddress(model: Model, ip: Ip | undefined): Model {
  if (ip === undefined) return model;
  const node: NodeView = { ...model.node, [familyOf(ip) === 4 ? "ip4" : "ip6"]: ip };
  return { ...model, node };
}
