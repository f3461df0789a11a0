import { configInvalid } from "../core/errors.ts";
import { type PacketHead, tcpFlagBits } from "../dataplane/emulated/netfilter/packet.ts";
import { type Protocol, type SocketAddr, TCP, tryParseProtocol } from "../net/flow.ts";
import { familyOf } from "../net/ip.ts";
import { parseSocketAddr } from "../net/parse-socket-addr.ts";
import { asExpected } from "./flag.ts";

/** What the packet is. */
export interface HeadArguments {
  readonly from: string;
  readonly to?: string | undefined;
  readonly tcpFlags?: string | undefined;
  readonly icmpAbout?: string | undefined;
  /** Of the whole packet, in octets. */
  readonly length?: number | undefined;
}

/** The port of a client that did not say which: any port of the usual ephemeral range does. */
const CLIENT_PORT = 40_000;
/** What the flags take, in the words of their errors. */
const FROM = "IP[:PORT], with the port in 1…65535 and IPv6 in brackets before a port, as in [fd00::1]:40000";
const TO = "IP:PORT[/tcp|udp|sctp], with the port in 1…65535 and IPv6 in brackets, as in [fd00::1]:53/udp";
const ABOUT = "FROM,TO of the packet that could not be delivered, as in 10.0.0.7:40000,10.244.1.10:53/udp";
const FLAGS = `some of ${Object.keys(tcpFlagBits).join(", ")} with commas between them`;
/** The port is unreachable. */
const portError = { 4: { proto: 1, type: 3, code: 3 }, 6: { proto: 58, type: 1, code: 4 } } as const;

/** @throws {SluiceError} CONFIG_INVALID. */
export function readClient(from: string): SocketAddr {
  return asExpected("--from", FROM, from, () => parseSocketAddr(from, "--from", CLIENT_PORT));
}

/** @throws {SluiceError} CONFIG_INVALID, naming the flag. */
export function readHead(args: HeadArguments): PacketHead {
  const head = readAddressed(args);
  return args.length === undefined ? head : { ...head, length: args.length };
}

function readAddressed({ from, to, tcpFlags, icmpAbout }: HeadArguments): PacketHead {
  const client = readClient(from);
  if (icmpAbout !== undefined) return errorAbout(client, from, icmpAbout);
  if (to === undefined) throw configInvalid("--to", TO, "nothing; --all lists every service instead");
  const [service, proto] = asExpected("--to", TO, to, () => readDestination(to));
  if (familyOf(client.ip) !== familyOf(service.ip)) {
    throw configInvalid("--to", `an IPv${familyOf(client.ip)} address, as --from ${from} is one`, to);
  }
  const head = { proto, src: client.ip, srcPort: client.port, dst: service.ip, dstPort: service.port };
  if (tcpFlags === undefined) return head;
  if (proto !== TCP) throw configInvalid("--tcp-flags", "a packet of TCP", to);
  return { ...head, flags: readFlags(tcpFlags) };
}

/** Whoever could not deliver a packet tells whom it saw as the sender. */
function errorAbout(reporter: SocketAddr, from: string, text: string): PacketHead {
  const [source = "", destination = ""] = text.split(",");
  const [sender, [receiver, proto]] = asExpected("--icmp-about", ABOUT, text, () => [
    parseSocketAddr(source, "--icmp-about"),
    readDestination(destination),
  ]);
  const families = new Set([reporter, sender, receiver].map(({ ip }) => familyOf(ip)));
  if (families.size > 1) throw configInvalid("--icmp-about", `addresses of the family of --from ${from}`, text);
  const { proto: icmp, type, code } = portError[familyOf(sender.ip)];
  const about = { proto, src: sender.ip, srcPort: sender.port, dst: receiver.ip, dstPort: receiver.port };
  return { proto: icmp, src: reporter.ip, srcPort: 0, dst: sender.ip, dstPort: 0, icmp: { type, code }, about };
}

function readFlags(text: string): number {
  return text.split(",").reduce((bits, name) => {
    const bit = Object.entries(tcpFlagBits).find(([known]) => known === name.toUpperCase())?.[1];
    if (bit === undefined) throw configInvalid("--tcp-flags", FLAGS, text);
    return bits | bit;
  }, 0);
}

function readDestination(to: string): [service: SocketAddr, protocol: Protocol] {
  const slash = to.indexOf("/");
  if (slash < 0) return [parseSocketAddr(to, "--to"), TCP];
  const protocol = tryParseProtocol(to.slice(slash + 1));
  if (protocol === undefined) throw configInvalid("--to", TO, to);
  return [parseSocketAddr(to.slice(0, slash), "--to"), protocol];
}
