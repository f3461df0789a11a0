import type { Selector } from "../../../../modes/nftables/ruleset.ts";
import { addressType } from "../address-type.ts";
import type { Connection, Tuple } from "../connection.ts";
import { isForHost, type Packet } from "../packet.ts";
import type { Walk } from "../walk.ts";
import { addressTypeNumbers, packetTypeNumbers, type Sort, stateBits, statusBits } from "./names.ts";
import { rawBits } from "./raw-payload.ts";
import { type Absent, MISSING, type Read, UNKNOWN, type Value } from "./value.ts";

/** How a selector is read, and what sort of value it gives. */
export interface PreparedRead {
  readonly read: Read;
  readonly sorts: readonly Sort[];
  /** Whether it is this number, for what most rules ask for: reading a large one as a value of its own allocates. */
  readonly isNumber?: (wanted: number) => (walk: Walk) => boolean | undefined;
}

type Fixed = Exclude<Selector, { readonly kind: "numgen" | "jhash" | "symhash" }>;

/** Makes what only looks at the packet ready; what is not known gives `UNKNOWN` for every packet. */
export function prepareSelector(selector: Fixed): PreparedRead {
  switch (selector.kind) {
    case "payload":
      return payload(`${selector.protocol} ${selector.field}`);
    case "payload-raw":
      return rawPayload(selector);
    case "meta":
      return meta(selector.key);
    case "ct":
      return connectionField(selector.key, selector.dir);
    case "fib":
      return routeField(selector.result, selector.flags);
  }
}

const nobodyKnows: PreparedRead = { read: () => UNKNOWN, sorts: ["other"] };

function of(sort: Sort, read: Read): PreparedRead {
  return { read, sorts: [sort] };
}

function payload(name: string): PreparedRead {
  switch (name) {
    case "ip saddr":
      return {
        ...of("address", ({ packet }) => (packet.family === 4 ? packet.src : MISSING)),
        isNumber: (ip) => (walk) => walk.packet.src === ip,
      };
    case "ip daddr":
      return {
        ...of("address", ({ packet }) => (packet.family === 4 ? packet.dst : MISSING)),
        isNumber: (ip) => (walk) => walk.packet.dst === ip,
      };
    case "ip6 saddr":
      return of("address", ({ packet }) => (packet.family === 6 ? packet.src : MISSING));
    case "ip6 daddr":
      return of("address", ({ packet }) => (packet.family === 6 ? packet.dst : MISSING));
    case "ip protocol":
      return of("protocol", ({ packet }) => (packet.family === 4 ? packet.proto : MISSING));
    case "ip6 nexthdr":
      return of("protocol", ({ packet }) => (packet.family === 6 ? packet.proto : MISSING));
    case "ip length":
      return of("other", ({ packet }) => (packet.family === 4 ? (packet.length ?? UNKNOWN) : MISSING));
    case "ip version":
      return of("other", ({ packet }) => (packet.family === 4 ? 4 : MISSING));
    case "tcp flags":
      return of("tcp-flags", ({ packet }) => (packet.proto === 6 ? packet.flags : MISSING));
    case "icmp type":
      return of("icmp-type", ({ packet }) => (packet.proto === 1 ? (packet.icmp?.type ?? UNKNOWN) : MISSING));
    case "icmp code":
      return of("other", ({ packet }) => (packet.proto === 1 ? (packet.icmp?.code ?? UNKNOWN) : MISSING));
    case "icmpv6 type":
      return of("icmpv6-type", ({ packet }) => (packet.proto === 58 ? (packet.icmp?.type ?? UNKNOWN) : MISSING));
    case "icmpv6 code":
      return of("other", ({ packet }) => (packet.proto === 58 ? (packet.icmp?.code ?? UNKNOWN) : MISSING));
    default:
      return portField(name) ?? otherPayload(name);
  }
}

const protocolsOf: Readonly<Record<string, readonly number[]>> = {
  th: [6, 17, 33, 132, 136],
  tcp: [6],
  udp: [17],
  sctp: [132],
  dccp: [33],
  udplite: [136],
};

function portField(name: string): PreparedRead | undefined {
  const [protocol = "", field] = name.split(" ");
  const protocols = protocolsOf[protocol];
  if (protocols === undefined) return undefined;
  const only = protocols.length === 1 ? protocols[0] : undefined;
  const isOf = ({ proto }: Packet): boolean => (only === undefined ? protocols.includes(proto) : proto === only);
  // `th` reads what stands there, whatever the protocol means by it.
  const other = protocol === "th" ? UNKNOWN : MISSING;
  if (field === "sport")
    return of("port", ({ packet }) => (isOf(packet) ? known(packet.srcPort, packet.srcPorts) : other));
  if (field === "dport")
    return of("port", ({ packet }) => (isOf(packet) ? known(packet.dstPort, packet.dstPorts) : other));
  return undefined;
}

/** Of broadcasts and multicasts the way that they came decides it. */
function packetType(packet: Packet): number | Absent {
  return isForHost(packet) ? packetTypeNumbers.host : UNKNOWN;
}

function known(port: number, drawn: Packet["srcPorts"]): number | Absent {
  return drawn === undefined ? port : UNKNOWN;
}

/** What else there is in a header that the packet has is not known; of any other the rule is not about this packet. */
function otherPayload(name: string): PreparedRead {
  const [protocol = ""] = name.split(" ");
  const numbers = protocolsOf[protocol];
  const sort: Sort = "other";
  return of(sort, ({ packet }) => {
    if (protocol === "ip") return packet.family === 4 ? UNKNOWN : MISSING;
    if (protocol === "ip6") return packet.family === 6 ? UNKNOWN : MISSING;
    if (numbers !== undefined) return numbers.includes(packet.proto) ? UNKNOWN : MISSING;
    if (protocol === "icmp" || protocol === "icmpv6")
      return packet.proto === (protocol === "icmp" ? 1 : 58) ? UNKNOWN : MISSING;
    return UNKNOWN;
  });
}

/** The ports are compared by their names, as those of `th` are; what else is known is a number. */
function rawPayload({ base, offset, bits }: Extract<Selector, { readonly kind: "payload-raw" }>): PreparedRead {
  const isPort = base === "th" && bits === 16 && (offset === 0 || offset === 16);
  return of(isPort ? "port" : "other", ({ packet }) => rawBits(packet, base, offset, bits));
}

function meta(key: string): PreparedRead {
  switch (key) {
    case "l4proto":
      return of("protocol", ({ packet }) => packet.proto);
    case "nfproto":
      return of("family", ({ packet }) => (packet.family === 4 ? 2 : 10));
    case "protocol":
      return of("ether-type", ({ packet }) => (packet.family === 4 ? 0x0800 : 0x86dd));
    case "iif":
    case "iifname":
      return of("interface", ({ packet }) => packet.inInterface);
    case "oif":
    case "oifname":
      return of("interface", ({ packet }) => packet.outInterface);
    case "mark":
      return of("mark", ({ packet }) => packet.mark);
    case "length":
      return of("other", ({ packet }) => packet.length ?? UNKNOWN);
    case "pkttype":
      return of("packet-type", ({ packet }) => packetType(packet));
    case "skuid":
    case "skgid":
      return of("other", ({ isOwn }) => (isOwn ? UNKNOWN : MISSING));
    default:
      return nobodyKnows;
  }
}

/** @param dir of the tuple; without one, of whichever direction the packet has. */
function connectionField(key: string, dir: string | undefined): PreparedRead {
  const about = (sort: Sort, read: (connection: Connection, walk: Walk) => Value): PreparedRead =>
    of(sort, (walk) => (walk.packet.connection === undefined ? MISSING : read(walk.packet.connection, walk)));
  const tuple = (sort: Sort, read: (one: Tuple) => Value): PreparedRead =>
    about(sort, ({ original, reply }, { packet }) =>
      read((dir === undefined ? packet.isReply : dir === "reply") ? reply : original),
    );
  switch (key) {
    case "state":
      return of("state", ({ packet }) => stateBits[packet.state]);
    case "mark":
      return about("mark", ({ mark }) => mark);
    case "direction":
      return about("direction", (_, { packet }) => Number(packet.isReply));
    case "status":
      return about("status", statusOf);
    case "protocol":
      return tuple("protocol", ({ proto }) => proto);
    case "l3proto":
      return about("family", (_, { packet }) => (packet.family === 4 ? 2 : 10));
    case "ip saddr":
    case "ip6 saddr":
    case "saddr":
      return tuple("address", ({ src }) => src);
    case "ip daddr":
    case "ip6 daddr":
    case "daddr":
      return tuple("address", ({ dst }) => dst);
    case "proto-src":
      return tuple("port", ({ srcPort }) => srcPort);
    case "proto-dst":
      return tuple("port", ({ dstPort }) => dstPort);
    case "zone":
      return about("other", () => 0);
    default:
      return nobodyKnows;
  }
}

function statusOf({ snat, dnat, replied, expected }: Connection): number {
  return (
    (snat ? statusBits.snat : 0) |
    (dnat ? statusBits.dnat : 0) |
    (replied ? statusBits["seen-reply"] : 0) |
    (expected ? statusBits.expected : 0)
  );
}

/** Asks the routing table about one of the packet's addresses. */
function routeField(result: string, flags: readonly string[]): PreparedRead {
  const ofSource = flags.includes("saddr");
  const addressOf = ({ packet }: Walk) => (ofSource ? packet.src : packet.dst);
  const deviceOf = ({ packet }: Walk): string | undefined =>
    flags.includes("iif") ? packet.inInterface : flags.includes("oif") ? packet.outInterface : undefined;
  if (result === "type") {
    return of("address-type", (walk) => {
      const type = addressType(addressOf(walk), walk.routing, deviceOf(walk)).toLowerCase();
      return addressTypeNumbers[type as keyof typeof addressTypeNumbers] ?? UNKNOWN;
    });
  }
  return of("interface", (walk) => {
    // A packet from loopback is taken to come by the way that leads back to it.
    if (walk.packet.inInterface === "lo" && ofSource) return "lo";
    const route = walk.routing.route(addressOf(walk));
    const device = deviceOf(walk);
    const isThat = route !== undefined && route.type !== "local" && (device === undefined || route.device === device);
    return isThat ? route.device : "";
  });
}
