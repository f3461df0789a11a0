import { ipvsSchedulers } from "../../balancers/ipvs-schedulers.ts";
import { configInvalid } from "../../core/errors.ts";
import type { Cidr } from "../../net/cidr.ts";
import { type Ip, tryParseIp } from "../../net/ip.ts";
import { type LocalDetection, readLocalDetection } from "../local-detection.ts";
import { type NodePortRanges, readNodePortRanges } from "../node-port-addresses.ts";
import { readRanges } from "../read-ranges.ts";
import { readBit, readFlag } from "../read-values.ts";

/** Options of the ipvs mode; each is a field of KubeProxyConfiguration or a fact about the host. */
export interface IpvsOptions {
  /**
   * A scheduler of the kernel: one of `ipvsSchedulers`.
   * @default "rr", as kube-proxy
   */
  scheduler?: string;
  /**
   * Ranges whose local addresses answer node ports, or `["primary"]`; a family without ranges answers on all.
   * @default [], as kube-proxy
   */
  nodePortAddresses?: readonly string[];
  /**
   * The addresses of the host's interfaces but kube-ipvs0: there node ports answer, and they are never put on that device.
   * @default the addresses of the Node object
   */
  localAddresses?: readonly string[];
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
   * MASQUERADE knows `--random-fully`: iptables 1.6.2 and newer.
   * @default true
   */
  randomFully?: boolean;
  /**
   * The node answers ARP requests only for addresses of the interface that they come in by.
   * @default false, as kube-proxy
   */
  strictARP?: boolean;
  /**
   * Ranges in which virtual servers of others are left alone.
   * @default [], as kube-proxy
   */
  excludeCIDRs?: readonly string[];
  /**
   * IPVS's time-outs of established TCP connections, of closed ones, and of UDP, in seconds; 0 leaves the kernel's.
   * @default 0, as kube-proxy
   */
  tcpTimeoutSeconds?: number;
  tcpFinTimeoutSeconds?: number;
  udpTimeoutSeconds?: number;
}

export interface ResolvedIpvsOptions {
  readonly scheduler: string;
  readonly nodePortAddresses: NodePortRanges;
  /** Undefined: those of the Node object. */
  readonly localAddresses: readonly Ip[] | undefined;
  readonly masqueradeBit: number;
  readonly masqueradeAll: boolean;
  readonly detectLocal: LocalDetection<Cidr>;
  readonly randomFully: boolean;
  readonly strictARP: boolean;
  readonly excludeCIDRs: readonly Cidr[];
  readonly tcpTimeoutSeconds: number;
  readonly tcpFinTimeoutSeconds: number;
  readonly udpTimeoutSeconds: number;
}

const defaults: ResolvedIpvsOptions = Object.freeze({
  scheduler: "rr",
  nodePortAddresses: Object.freeze([]),
  localAddresses: undefined,
  masqueradeBit: 14,
  masqueradeAll: false,
  detectLocal: Object.freeze({ by: "none" }),
  randomFully: true,
  strictARP: false,
  excludeCIDRs: Object.freeze([]),
  tcpTimeoutSeconds: 0,
  tcpFinTimeoutSeconds: 0,
  udpTimeoutSeconds: 0,
});

/** What the kernel takes: a signed 32-bit number of ticks, of which a second has a thousand at most. */
const MAX_TIMEOUT_SECONDS = 2_147_483;

type Reader<T> = (value: unknown, path: string) => T;

const readers: { readonly [K in keyof Required<IpvsOptions>]: Reader<ResolvedIpvsOptions[K]> } = {
  scheduler: readScheduler,
  nodePortAddresses: readNodePortRanges,
  localAddresses: readAddresses,
  masqueradeBit: readBit,
  masqueradeAll: readFlag,
  detectLocal: readLocalDetection,
  randomFully: readFlag,
  strictARP: readFlag,
  excludeCIDRs: readRanges,
  tcpTimeoutSeconds: readTimeout,
  tcpFinTimeoutSeconds: readTimeout,
  udpTimeoutSeconds: readTimeout,
};

/** @throws {SluiceError} CONFIG_INVALID, naming the field, also for an unknown field. */
export function resolveIpvsOptions(options: IpvsOptions = {}): ResolvedIpvsOptions {
  const read = Object.entries(options).map(([field, value]) => {
    const path = `ipvs.${field}`;
    if (!Object.hasOwn(readers, field)) throw configInvalid(path, "a known option", value);
    return [field, readers[field as keyof IpvsOptions](value, path)];
  });
  return Object.freeze({ ...defaults, ...Object.fromEntries(read) });
}

function readScheduler(value: unknown, path: string): string {
  if (typeof value !== "string" || !(ipvsSchedulers as readonly string[]).includes(value)) {
    throw configInvalid(path, `one of ${ipvsSchedulers.join(", ")}`, value);
  }
  return value;
}

function readAddresses(value: unknown, path: string): readonly Ip[] {
  if (!Array.isArray(value)) throw configInvalid(path, "a list of addresses", value);
  return value.map((text: unknown, index) => {
    const ip = typeof text === "string" ? tryParseIp(text) : undefined;
    if (ip === undefined) throw configInvalid(`${path}[${index}]`, "an IPv4 or IPv6 address", text);
    return ip;
  });
}

function readTimeout(value: unknown, path: string): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > MAX_TIMEOUT_SECONDS) {
    throw configInvalid(path, `a whole number of seconds in 0…${MAX_TIMEOUT_SECONDS}`, value);
  }
  return value;
}
