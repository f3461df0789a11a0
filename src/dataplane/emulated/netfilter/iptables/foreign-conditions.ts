import { assertNever } from "../../../../core/errors.ts";
import type { AddressRange, ForeignMatch, Said } from "../../../../modes/iptables/foreign.ts";
import { TCP } from "../../../../net/flow.ts";
import { inCidr } from "../../../../net/cidr.ts";
import { familyOf, type Ip } from "../../../../net/ip.ts";
import { addressType } from "../address-type.ts";
import type { Connection } from "../connection.ts";
import { compare } from "../nft/value.ts";
import { isForHost, type Packet, tcpFlagBits } from "../packet.ts";
import type { Walk } from "../walk.ts";
import { acting, every, inverted, looking, type PreparedCondition, unknowable } from "./condition.ts";
import { everyNth, NO_BRIDGE } from "./own-conditions.ts";
import { portHolds, stateHolds } from "./packet-conditions.ts";
import { protocolNumber } from "./protocol-number.ts";

type Of<K extends ForeignMatch["kind"]> = Extract<ForeignMatch, { readonly kind: K }>;
type Answer = boolean | undefined;

/** Makes one of the conditions ready that only others' rules have. */
export function prepareForeignCondition(match: ForeignMatch): PreparedCondition {
  switch (match.kind) {
    case "other-protocol": {
      const number = protocolNumber(match.name);
      if (number === undefined) return unknowable(`the protocol ${match.name}`);
      const plain = looking(({ packet }) => number === 0 || packet.proto === number);
      return match.not === true ? inverted(plain) : plain;
    }
    case "fragment":
      return looking(() => match.not === true);
    case "header":
      return looking(({ packet }) => headerHolds(packet, match), "a port chosen by chance, or an option of TCP");
    case "multiport":
      return looking(({ packet }) => multiportHolds(packet, match), "a port chosen by chance");
    case "conntrack":
      return looking(({ packet }) => conntrackHolds(packet, match));
    case "connection-mark": {
      const plain = looking(({ packet: { connection } }) => {
        return connection !== undefined && ((connection.mark & match.mask) ^ match.value) === 0;
      });
      return match.not !== true
        ? plain
        : looking((walk) => walk.packet.connection !== undefined && plain.holds(walk) !== true);
    }
    case "address-type":
      return looking((walk) => typeHolds(walk, match));
    case "statistic-nth": {
      const turned = "not" in match.every;
      const nth = everyNth(valueOf(match.every));
      return turned ? inverted(nth) : nth;
    }
    case "recent":
      return recentCondition(match);
    case "limit":
      return looking(({ assumptions }) => withinLimit(assumptions));
    case "hashlimit":
      return looking(({ assumptions }) => withinLimit(assumptions) && match.upTo !== undefined);
    case "mac-source":
      return looking(({ packet }) => {
        // Only Ethernet has these addresses: the node's own packets have none yet, and loopback none at all.
        return packet.inInterface === "" || packet.inInterface === "lo" ? false : undefined;
      }, "the sender's Ethernet address");
    case "address-range":
      return looking(({ packet }) =>
        every([
          said(match.source, (range) => isInRange(packet.src, range)),
          said(match.destination, (range) => isInRange(packet.dst, range)),
        ]),
      );
    case "physdev":
      return looking(({ assumptions }) => {
        assumptions.add(NO_BRIDGE);
        return allTurned(match);
      });
    case "icmp-type":
      return looking(({ packet }) => icmpHolds(packet, match));
    case "reverse-path":
      return looking((walk) => reversePathHolds(walk, match));
    case "length":
      return looking(
        ({ packet: { length } }) =>
          said(match.range, ({ first, last }) =>
            length === undefined ? undefined : length >= first && length <= last,
          ),
        "the packet's length",
      );
    case "packet-type":
      return looking(
        ({ packet }) => said(match.type, (type) => (isForHost(packet) ? type === "unicast" : undefined)),
        "how the packet's link sent it",
      );
    case "ipsec-policy":
      return ipsecCondition(match);
    case "owner":
      return looking((walk) => ownerHolds(walk, match), "which process sent the packet");
    case "unknown":
      return unknowable(`${match.text} is not understood`);
    default:
      return assertNever(match);
  }
}

/** What IPsec did to a packet is in no dump of rules; what it will do depends on the host's own policies. */
function ipsecCondition({ direction, policy }: Of<"ipsec-policy">): PreparedCondition {
  if (direction === "out") return unknowable("whether IPsec takes the packet on");
  return looking(({ assumptions }) => {
    assumptions.add("the packet did not come by IPsec");
    return policy === "none";
  });
}

function valueOf<T>(said: Said<T>): T {
  return "is" in said ? said.is : said.not;
}

/** Holds an option against a test, turned round where the rule says so; an option that is not there holds. */
function said<T>(option: Said<T> | undefined, test: (value: T) => Answer): Answer {
  if (option === undefined) return true;
  const answer = test(valueOf(option));
  return answer === undefined || "is" in option ? answer : !answer;
}

function headerHolds(packet: Packet, { proto, source, destination, flags, option }: Of<"header">): Answer {
  if (packet.proto !== proto) return false;
  return every([
    said(source, (range) => portHolds(packet, "source", [range])),
    said(destination, (range) => portHolds(packet, "destination", [range])),
    said(flags, ({ mask, set }) => proto === TCP && (packet.flags & bitsOf(mask)) === bitsOf(set)),
    said(option, () => undefined),
  ]);
}

function isInRange(ip: Ip, { first, last }: AddressRange): boolean {
  return familyOf(ip) === familyOf(first) && compare(first, ip) <= 0 && compare(ip, last) <= 0;
}

function bitsOf(flags: readonly (keyof typeof tcpFlagBits)[]): number {
  return flags.reduce((bits, flag) => bits | tcpFlagBits[flag], 0);
}

function multiportHolds(packet: Packet, { sources, destinations, either }: Of<"multiport">): Answer {
  return every([
    said(sources, (ranges) => portHolds(packet, "source", ranges)),
    said(destinations, (ranges) => portHolds(packet, "destination", ranges)),
    said(either, (ranges) => {
      const source = portHolds(packet, "source", ranges);
      return source === true ? true : portHolds(packet, "destination", ranges) || source;
    }),
  ]);
}

/** Where there is no connection its state is all that counts, whatever else is asked for. */
function conntrackHolds(packet: Packet, match: Of<"conntrack">): Answer {
  const { states, direction } = match;
  const stateAnswer = said(states, (wanted) => stateHolds(packet, wanted));
  const { connection } = packet;
  if (connection === undefined) return states !== undefined && stateAnswer;
  return every([
    stateAnswer,
    said(direction, (wanted) => (wanted === "REPLY") === packet.isReply),
    ...tupleAnswers(connection, match),
  ]);
}

function tupleAnswers({ original, reply }: Connection, match: Of<"conntrack">): readonly Answer[] {
  const port = (number: number) => (range: { readonly first: number; readonly last: number }) =>
    number >= range.first && number <= range.last;
  return [
    said(match.protocol, (number) => original.proto === number),
    said(match.originalSource, (range) => inCidr(original.src, range)),
    said(match.originalDestination, (range) => inCidr(original.dst, range)),
    said(match.replySource, (range) => inCidr(reply.src, range)),
    said(match.replyDestination, (range) => inCidr(reply.dst, range)),
    said(match.originalSourcePort, port(original.srcPort)),
    said(match.originalDestinationPort, port(original.dstPort)),
    said(match.replySourcePort, port(reply.srcPort)),
    said(match.replyDestinationPort, port(reply.dstPort)),
  ];
}

function typeHolds({ packet, routing }: Walk, { source, destination, limitIn, limitOut }: Of<"address-type">): Answer {
  const device = limitIn === true ? packet.inInterface : limitOut === true ? packet.outInterface : undefined;
  return every([
    said(source, (types) => types.includes(addressType(packet.src, routing, device))),
    said(destination, (types) => types.includes(addressType(packet.dst, routing, device))),
  ]);
}

/** Lists start empty: nothing is found in them, and nothing can be taken out. */
function recentCondition({
  set,
  check,
  update,
  remove,
  list = "DEFAULT",
  hitCount = 1,
}: Of<"recent">): PreparedCondition {
  const asked = set ?? check ?? update ?? remove;
  const isTurned = asked !== undefined && "not" in asked;
  return acting(({ assumptions, remembered }) => {
    // Whom this packet's own rules remembered has one hit: this one.
    const isThere = remembered.has(list);
    if (set !== undefined) remembered.add(list);
    else if (!isThere) assumptions.add(`no address is remembered yet in the list ${list} of -m recent`);
    if (remove !== undefined) remembered.delete(list);
    const holds = set !== undefined || (isThere && (remove !== undefined || hitCount <= 1));
    return holds !== isTurned;
  });
}

function withinLimit(assumptions: Set<string>): true {
  assumptions.add("limits of packets a second are not used up");
  return true;
}

/** A packet that no bridge carries: only what asks for the opposite of everything holds. */
function allTurned({ in: inDevice, isIn, out, isOut, isBridged }: Of<"physdev">): boolean {
  return [inDevice, isIn, out, isOut, isBridged].every((option) => option === undefined || "not" in option);
}

function icmpHolds({ proto, icmp, family }: Packet, { family: wanted, type }: Of<"icmp-type">): Answer {
  if (family !== wanted || proto !== (wanted === 4 ? 1 : 58) || icmp === undefined) return false;
  return said(type, (asked) => {
    return asked.type === "any" || (asked.type === icmp.type && (asked.code === undefined || asked.code === icmp.code));
  });
}

/** Whether an answer would leave by the interface that the packet came in by. */
function reversePathHolds({ packet, routing }: Walk, { loose, acceptLocal, invert }: Of<"reverse-path">): boolean {
  const plain = (): boolean => {
    if (packet.inInterface === "lo") return true;
    const route = routing.route(packet.src);
    if (route === undefined) return false;
    if (route.type === "local") return acceptLocal === true;
    const devices = route.hops?.map(({ device }) => device) ?? [route.device];
    return route.type === "unicast" && (loose === true || devices.includes(packet.inInterface));
  };
  return plain() !== (invert === true);
}

/** Only packets of this node's processes have an owner. */
function ownerHolds({ isOwn }: Walk, { socketExists, user, group }: Of<"owner">): Answer {
  const options = [socketExists, user, group].filter((option) => option !== undefined);
  if (!isOwn) return options.every((option) => "not" in option);
  return user === undefined && group === undefined ? said(socketExists, () => true) : undefined;
}
