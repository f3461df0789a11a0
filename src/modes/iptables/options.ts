import { configInvalid } from "../../core/errors.ts";
import type { Cidr } from "../../net/cidr.ts";
import { type LocalDetection, readLocalDetection } from "../local-detection.ts";
import { type NodePortRanges, readNodePortRanges } from "../node-port-addresses.ts";
import { readBit, readFlag } from "../read-values.ts";

/** Options of the iptables mode; each is a field of KubeProxyConfiguration or a fact about the host. */
export interface IptablesOptions {
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
   * Node ports answer on 127.0.0.0/8 too; IPv4 only, and only where `nodePortAddresses` covers it.
   * @default true, as kube-proxy
   */
  localhostNodePorts?: boolean;
  /**
   * Ranges as text, such as `10.244.0.0/16`.
   * @default { by: "none" }, as kube-proxy without clusterCIDR
   */
  detectLocal?: LocalDetection<string>;
  /**
   * Ranges whose local addresses answer node ports, or `["primary"]`; a family without ranges answers on all.
   * @default [], as kube-proxy
   */
  nodePortAddresses?: readonly string[];
  /**
   * The kernel's conntrack is liberal about TCP windows: packets it calls invalid are let pass.
   * @default false, as kube-proxy
   */
  tcpBeLiberal?: boolean;
  /**
   * The host has the nfacct counters `ct_state_invalid_dropped_pkts` and `localhost_nps_accepted_pkts`; a rule that
   * names a counter that does not exist cannot be loaded.
   * @default true, what kube-proxy finds after making them
   */
  nfacct?: boolean;
  /**
   * MASQUERADE knows `--random-fully`: iptables 1.6.2 and newer.
   * @default true
   */
  randomFully?: boolean;
}

/** The same options, read, with every default filled in. */
export interface ResolvedIptablesOptions {
  readonly masqueradeBit: number;
  readonly masqueradeAll: boolean;
  readonly localhostNodePorts: boolean;
  readonly detectLocal: LocalDetection<Cidr>;
  readonly nodePortAddresses: NodePortRanges;
  readonly tcpBeLiberal: boolean;
  readonly nfacct: boolean;
  readonly randomFully: boolean;
}

const defaults: ResolvedIptablesOptions = Object.freeze({
  masqueradeBit: 14,
  masqueradeAll: false,
  localhostNodePorts: true,
  detectLocal: Object.freeze({ by: "none" }),
  nodePortAddresses: Object.freeze([]),
  tcpBeLiberal: false,
  nfacct: true,
  randomFully: true,
});

type Reader<T> = (value: unknown, path: string) => T;

const readers: { readonly [K in keyof Required<IptablesOptions>]: Reader<ResolvedIptablesOptions[K]> } = {
  masqueradeBit: readBit,
  masqueradeAll: readFlag,
  localhostNodePorts: readFlag,
  detectLocal: readLocalDetection,
  nodePortAddresses: readNodePortRanges,
  tcpBeLiberal: readFlag,
  nfacct: readFlag,
  randomFully: readFlag,
};

/** @throws {SluiceError} CONFIG_INVALID, naming the field, also for an unknown field. */
export function resolveIptablesOptions(options: IptablesOptions = {}): ResolvedIptablesOptions {
  const read = Object.entries(options).map(([field, value]) => {
    const path = `iptables.${field}`;
    if (!Object.hasOwn(readers, field)) throw configInvalid(path, "a known option", value);
    return [field, readers[field as keyof IptablesOptions](value, path)];
  });
  return Object.freeze({ ...defaults, ...Object.fromEntries(read) });
}
