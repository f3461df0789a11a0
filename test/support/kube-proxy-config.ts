import { readFileSync } from "node:fs";
import { parse } from "yaml";
import type { LocalDetection } from "../../src/modes/local-detection.ts";
import type { IptablesOptions } from "../../src/modes/iptables/options.ts";
import type { NftablesOptions } from "../../src/modes/nftables/options.ts";

/** What a recorded `config.yaml` decides about rules. */
export interface RecordedConfig {
  readonly nodeName: string;
  readonly bindAddress: string;
  readonly iptables: IptablesOptions;
  readonly nftables: NftablesOptions;
}

/** The fields of a KubeProxyConfiguration that the recordings set. */
interface ConfigFile {
  readonly hostnameOverride: string;
  readonly bindAddress: string;
  readonly clusterCIDR: string;
  readonly detectLocalMode: string;
  readonly detectLocal?: { readonly bridgeInterface?: string; readonly interfaceNamePrefix?: string };
  readonly nodePortAddresses: readonly string[];
  readonly iptables: {
    readonly masqueradeBit: number;
    readonly masqueradeAll: boolean;
    readonly localhostNodePorts?: boolean;
  };
  readonly nftables: { readonly masqueradeBit: number; readonly masqueradeAll: boolean };
  readonly conntrack: { readonly tcpBeLiberal?: boolean };
}

/** Reads the configuration that a recording was made with. */
export function readRecordedConfig(file: string): RecordedConfig {
  const config = parse(readFileSync(file, "utf8")) as ConfigFile;
  const { masqueradeBit, masqueradeAll, localhostNodePorts = true } = config.iptables;
  return {
    nodeName: config.hostnameOverride,
    bindAddress: config.bindAddress,
    iptables: {
      masqueradeBit,
      masqueradeAll,
      localhostNodePorts,
      detectLocal: detectLocal(config),
      nodePortAddresses: config.nodePortAddresses,
      tcpBeLiberal: config.conntrack.tcpBeLiberal ?? false,
    },
    nftables: {
      masqueradeBit: config.nftables.masqueradeBit,
      masqueradeAll: config.nftables.masqueradeAll,
      detectLocal: detectLocal(config),
      nodePortAddresses: config.nodePortAddresses,
    },
  };
}

function detectLocal({ detectLocalMode, clusterCIDR, detectLocal: names }: ConfigFile): LocalDetection<string> {
  switch (detectLocalMode) {
    case "ClusterCIDR":
      return { by: "cluster-cidr", ranges: clusterCIDR === "" ? [] : clusterCIDR.split(",") };
    case "NodeCIDR":
      return { by: "node-cidr" };
    case "BridgeInterface":
      return { by: "bridge-interface", name: names!.bridgeInterface! };
    case "InterfaceNamePrefix":
      return { by: "interface-prefix", prefix: names!.interfaceNamePrefix! };
    default:
      throw new Error(`no recording uses detectLocalMode ${detectLocalMode}`);
  }
}
