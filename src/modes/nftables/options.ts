import { configInvalid } from "../../core/errors.ts";
import type { Cidr } from "../../net/cidr.ts";
import { type LocalDetection, readLocalDetection } from "../local-detection.ts";
import { type NodePortRanges, readNodePortRanges } from "../node-port-addresses.ts";
import { readBit, readFlag } from "../read-values.ts";

/** Options of the nftables mode, as in KubeProxyConfiguration. */
export interface NftablesOptions {
  /**
   * Which bit of the packet mark asks for masquerading, 0…31.
   * @default 14, as kube-proxy
   */
  masqueradeBit?: number;
  /**
   * Masquerade all traffic to cluster IPs, wherever it comes from.
   * @default false, as kube-proxy
   */
  masqueradeAll?: boolean;
  /**
   * Ranges as text, such as `10.244.0.0/16`.
   * @default { by: "none" }, as kube-proxy without clusterCIDR
   */
  detectLocal?: LocalDetection<string>;
  /**
   * Ranges whose local addresses answer node ports; with some given, a family without any answers on all. An empty list
   * is `["primary"]`: the node's own address of each family. Loopback addresses never answer.
   * @default ["primary"], as kube-proxy in this mode
   */
  nodePortAddresses?: readonly string[];
}

/** The same options, read, with every default filled in. */
export interface ResolvedNftablesOptions {
  readonly masqueradeBit: number;
  readonly masqueradeAll: boolean;
  readonly detectLocal: LocalDetection<Cidr>;
  readonly nodePortAddresses: NodePortRanges;
}

const defaults: ResolvedNftablesOptions = Object.freeze({
  masqueradeBit: 14,
  masqueradeAll: false,
  detectLocal: Object.freeze({ by: "none" }),
  nodePortAddresses: "primary",
});

const readers: {
  readonly [K in keyof Required<NftablesOptions>]: (value: unknown, path: string) => ResolvedNftablesOptions[K];
} = {
  masqueradeBit: readBit,
  masqueradeAll: readFlag,
  detectLocal: readLocalDetection,
  nodePortAddresses(value, path) {
    const ranges = readNodePortRanges(value, path);
    return ranges.length === 0 ? "primary" : ranges;
  },
};

/** @throws {SluiceError} CONFIG_INVALID, naming the field, also for an unknown field. */
export function resolveNftablesOptions(options: NftablesOptions = {}): ResolvedNftablesOptions {
  const read = Object.entries(options).map(([field, value]) => {
    const path = `nftables.${field}`;
    if (!Object.hasOwn(readers, field)) throw configInvalid(path, "a known option", value);
    return [field, readers[field as keyof NftablesOptions](value, path)];
  });
  return Object.freeze({ ...defaults, ...Object.fromEntries(read) });
}
