import { configInvalid } from "../../core/errors.ts";
import { type Ip4, isLoopback, tryParseIp } from "../../net/ip.ts";
import type { ForwardTable } from "./forward-table.ts";

/** Options of the userspace mode, as in KubeProxyConfiguration. */
export interface UserspaceOptions {
  /**
   * The IPv4 address that the proxy ports are bound to; loopback is refused, as by kube-proxy.
   * @default "0.0.0.0", as kube-proxy
   */
  bindAddress?: string;
  /**
   * Ports for the proxy to accept at, one a service port: `FIRST-LAST`, `FIRST+MORE` or one port.
   * @default "11000-29999", above kube-proxy's own servers, below node ports and the ports of outgoing connections;
   *   kube-proxy leaves the choice to the kernel
   */
  portRange?: string;
  /**
   * The table in force: a forward that it has keeps its proxy port, and a port that it had goes to another forward only
   * when all others are in use. So a connection that arrives while tables change never meets another service.
   * @default none
   */
  before?: ForwardTable;
}

/** Ports, both ends included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export interface ResolvedUserspaceOptions {
  readonly bindIp: Ip4;
  readonly portRange: PortRange;
  readonly before: ForwardTable | undefined;
}

const defaults: ResolvedUserspaceOptions = Object.freeze({
  bindIp: 0 as Ip4,
  portRange: Object.freeze({ first: 11_000, last: 29_999 }),
  before: undefined,
});

const known = {
  bindAddress: undefined,
  portRange: undefined,
  before: undefined,
} as const satisfies Record<keyof UserspaceOptions, undefined>;

/** @throws {SluiceError} CONFIG_INVALID, naming the field, also for an unknown field. */
export function resolveUserspaceOptions(options: UserspaceOptions = {}): ResolvedUserspaceOptions {
  for (const [field, value] of Object.entries(options)) {
    if (!Object.hasOwn(known, field)) throw configInvalid(`userspace.${field}`, "a known option", value);
  }
  const { bindAddress, portRange, before } = options;
  return Object.freeze({
    bindIp: bindAddress === undefined ? defaults.bindIp : readBindAddress(bindAddress),
    portRange: portRange === undefined ? defaults.portRange : readPortRange(portRange),
    before,
  });
}

function readBindAddress(value: unknown): Ip4 {
  const ip = typeof value === "string" ? tryParseIp(value) : undefined;
  if (typeof ip !== "number" || isLoopback(ip)) {
    throw configInvalid("userspace.bindAddress", "an IPv4 address that is not loopback", value);
  }
  return ip;
}

/** Source: apimachinery, pkg/util/net/port_range.go, `PortRange.Set`. */
function readPortRange(value: unknown): PortRange {
  const [, from = "", sign, to = ""] = /^(\d{1,5})(?:([-+])(\d{1,5}))?$/.exec(String(value).trim()) ?? [];
  const first = Number(from);
  const last = sign === undefined ? first : sign === "+" ? Math.min(first + Number(to), 65_535) : Number(to);
  if (from === "" || first < 1 || last < first || last > 65_535) {
    throw configInvalid("userspace.portRange", "ports such as 36000-36999, 36000+999 or 36000, in 1…65535", value);
  }
  return { first, last };
}
