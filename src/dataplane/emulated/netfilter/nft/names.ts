/** Names that nft has for numbers, by what they are compared with. */
import { protocolNumber } from "../iptables/protocol-number.ts";

/** What sort of value a selector gives, where names are read by it. */
export type Sort =
  | "address"
  | "port"
  | "protocol"
  | "state"
  | "status"
  | "direction"
  | "interface"
  | "address-type"
  | "tcp-flags"
  | "icmp-type"
  | "icmpv6-type"
  | "ether-type"
  | "family"
  | "packet-type"
  | "mark"
  | "other";

type Names = Readonly<Record<string, number>>;

export const stateBits = { INVALID: 1, ESTABLISHED: 2, RELATED: 4, NEW: 8, UNTRACKED: 64 } as const;
export const statusBits = { snat: 16, dnat: 32, "seen-reply": 2, expected: 1 } as const;
/** Source: Linux, enum of rtnetlink's route types. */
export const addressTypeNumbers = {
  unspec: 0,
  unicast: 1,
  local: 2,
  broadcast: 3,
  anycast: 4,
  multicast: 5,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
} as const;

/** Source: Linux, if_packet.h; `unicast` is nft's other name for `host`. */
export const packetTypeNumbers = { host: 0, unicast: 0, broadcast: 1, multicast: 2, other: 3 } as const;

const states: Names = { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 };
const status: Names = { ...statusBits, assured: 4, confirmed: 8, "snat-done": 128, "dnat-done": 256, dying: 512 };
const tcpFlags: Names = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ecn: 64, cwr: 128 };
const icmpTypes: Names = {
  "echo-reply": 0,
  "destination-unreachable": 3,
  "source-quench": 4,
  redirect: 5,
  "echo-request": 8,
  "router-advertisement": 9,
  "router-solicitation": 10,
  "time-exceeded": 11,
  "parameter-problem": 12,
  "timestamp-request": 13,
  "timestamp-reply": 14,
};
const icmpv6Types: Names = {
  "destination-unreachable": 1,
  "packet-too-big": 2,
  "time-exceeded": 3,
  "parameter-problem": 4,
  "echo-request": 128,
  "echo-reply": 129,
  "mld-listener-query": 130,
  "mld-listener-report": 131,
  "mld-listener-done": 132,
  "nd-router-solicit": 133,
  "nd-router-advert": 134,
  "nd-neighbor-solicit": 135,
  "nd-neighbor-advert": 136,
  "nd-redirect": 137,
  "mld2-listener-report": 143,
};
const services: Names = { ssh: 22, smtp: 25, domain: 53, http: 80, ntp: 123, https: 443 };

const bySort: Partial<Readonly<Record<Sort, Names>>> = {
  port: services,
  state: states,
  status,
  direction: { original: 0, reply: 1 },
  "address-type": addressTypeNumbers,
  "packet-type": packetTypeNumbers,
  "tcp-flags": tcpFlags,
  "icmp-type": icmpTypes,
  "icmpv6-type": icmpv6Types,
  "ether-type": { ip: 0x0800, ip6: 0x86dd, arp: 0x0806, vlan: 0x8100 },
  family: { ipv4: 2, ip: 2, ipv6: 10, ip6: 10 },
};

/** @returns undefined for a name that is not known here. */
export function numberNamed(name: string, sort: Sort): number | undefined {
  if (sort === "protocol") return protocolNumber(name);
  const names = bySort[sort];
  return names !== undefined && Object.hasOwn(names, name) ? names[name] : undefined;
}

const ofDatatypes: Readonly<Record<string, Sort>> = {
  ipv4_addr: "address",
  ipv6_addr: "address",
  inet_proto: "protocol",
  inet_service: "port",
  ct_state: "state",
  ct_dir: "direction",
  ct_status: "status",
  ifname: "interface",
  iface_index: "interface",
  fib_addrtype: "address-type",
  pkt_type: "packet-type",
  tcp_flag: "tcp-flags",
  icmp_type: "icmp-type",
  icmpv6_type: "icmpv6-type",
  ether_type: "ether-type",
  nf_proto: "family",
  mark: "mark",
};

/** What values a set of this datatype has. */
export function sortOfDatatype(name: string): Sort {
  return Object.hasOwn(ofDatatypes, name) ? ofDatatypes[name]! : "other";
}
