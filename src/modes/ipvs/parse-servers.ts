import { type Protocol, SCTP, type SocketAddr, TCP, UDP } from "../../net/flow.ts";
import { maskIp } from "../../net/cidr.ts";
import { type Family, familyOf, type Ip, tryParseIp } from "../../net/ip.ts";
import { readAddr } from "./read-addr.ts";
import { serverKey } from "./server-key.ts";
import { commandsOfListing } from "./server-listing.ts";
import type {
  Forwarding,
  KernelServer,
  MarkedVirtualServer,
  RealServer,
  ServerSettings,
  Tunnel,
  VirtualServer,
} from "./tables.ts";
import { linesOf, wholeNumber, type Words } from "./words.ts";

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type Place = Pick<VirtualServer, "addr" | "proto" | "servicePort"> | Pick<MarkedVirtualServer, "fwmark" | "family">;
type Settings = Writable<Omit<ServerSettings, "servers">>;

/**
 * Reads the text of `ipvsadm -S -n`, or any input of `ipvsadm -R` in the same words, or of `ipvsadm -L -n`: virtual
 * servers of any kind, each with its real servers in the order of the text.
 *
 * @param file names the text in errors.
 * @throws {SluiceError} INPUT_INVALID with line and column, also for names of hosts and ports in place of numbers.
 */
export function parseServers(text: string, file = "ipvsadm -S -n"): readonly KernelServer[] {
  const servers = new Map<string, Place & Settings & { readonly servers: RealServer[] }>();
  for (const words of linesOf(commandsOfListing(text, file), file)) {
    const command = words.next("", "-A or -a");
    if (command.text !== "-A" && command.text !== "-a") throw words.invalid(command, "", COMMANDS);
    const named = words.word();
    const place = readPlace(words);
    const known = servers.get(serverKey(place));
    if (command.text === "-a") {
      if (known === undefined) throw words.invalid(named, "service", "a virtual server before");
      known.servers.push(readRealServer(words));
    } else {
      if (known !== undefined) throw words.invalid(named, "service", "a virtual server that is new");
      servers.set(serverKey(place), { ...place, ...readSettings(words, place), servers: [] });
    }
  }
  return [...servers.values()];
}

const COMMANDS = "-A or -a, as ipvsadm -S -n prints it";
const protocols: Readonly<Record<string, Protocol>> = { "-t": TCP, "-u": UDP, "--sctp-service": SCTP };

function readPlace(words: Words): Place {
  const option = words.next("service", "-t, -u, --sctp-service or -f");
  if (option.text === "-f") {
    const fwmark = words.read("mark", "a number in 1…4294967295", wholeNumber(1, 0xffff_ffff));
    return { fwmark, family: words.skip("-6") ? 6 : 4 };
  }
  const proto = protocols[option.text];
  if (proto === undefined) throw words.invalid(option, "service", "-t, -u, --sctp-service or -f");
  return { addr: readSocket(words, "service"), proto, servicePort: "" };
}

function readSocket(words: Words, field: string): SocketAddr {
  return words.read(field, "an address and a port as numbers", readAddr);
}

function readSettings(words: Words, place: Place): Settings {
  const family = "fwmark" in place ? place.family : familyOf(place.addr.ip);
  // ipvsadm's own scheduler, where none is named.
  const settings: Settings = { scheduler: "wlc", flags: [], persistenceSeconds: 0 };
  while (words.peek() !== undefined) readSetting(words, settings, family);
  return settings;
}

function readSetting(words: Words, settings: Settings, family: Family): void {
  const option = words.next("option", "an option");
  switch (option.text) {
    case "-s":
      settings.scheduler = words.next("scheduler", "a scheduler").text;
      return;
    case "-b":
      settings.flags = words.next("flags", "flags of the scheduler").text.split(",");
      return;
    case "-p":
      settings.persistenceSeconds = words.read("persistence", "a number of seconds", wholeNumber(1, 0xffff_ffff));
      return;
    case "-M":
      settings.persistenceMask = words.read("mask", maskForm[family], (text) => readMask(text, family));
      return;
    case "--pe":
      settings.persistenceEngine = words.next("engine", "an engine").text;
      return;
    case "-o":
      settings.onePacket = true;
      return;
    default:
      throw words.invalid(option, "option", "-s, -p, -M, --pe, -o or -b");
  }
}

const maskForm: Readonly<Record<Family, string>> = { 4: "a mask such as 255.255.255.0", 6: "a number of bits, 1…128" };
const EVERY_BIT: Ip = { w0: 0xffff_ffff, w1: 0xffff_ffff, w2: 0xffff_ffff, w3: 0xffff_ffff };

function readMask(text: string, family: Family): Ip | undefined {
  if (family === 6) {
    const bits = wholeNumber(1, 128)(text);
    return bits === undefined ? undefined : maskIp(EVERY_BIT, bits);
  }
  const mask = tryParseIp(text);
  return typeof mask === "number" ? mask : undefined;
}

function readRealServer(words: Words): RealServer {
  const marker = words.next("server", "-r");
  if (marker.text !== "-r") throw words.invalid(marker, "server", "-r");
  // ipvsadm's own way of forwarding and weight, where none is named.
  const server: Writable<RealServer> = { addr: readSocket(words, "server"), weight: 1, forwarding: { by: "route" } };
  const tunnel: Partial<Writable<Tunnel>> = {};
  while (words.peek() !== undefined) readServerOption(words, server, tunnel);
  const { type, ...rest } = tunnel;
  if (server.forwarding?.by === "tunnel" && type !== undefined) {
    server.forwarding = { by: "tunnel", tunnel: { type, ...rest } };
  }
  if (server.forwarding?.by === "masquerade") delete server.forwarding;
  return server;
}

const ways: Readonly<Record<string, Forwarding>> = {
  "-m": { by: "masquerade" },
  "-g": { by: "route" },
  "-i": { by: "tunnel" },
};
const checksums: Readonly<Record<string, NonNullable<Tunnel["checksum"]>>> = {
  "--tun-nocsum": "none",
  "--tun-csum": "full",
  "--tun-remcsum": "remote",
};

function readServerOption(words: Words, server: Writable<RealServer>, tunnel: Partial<Writable<Tunnel>>): void {
  const option = words.next("option", "an option");
  const [way, checksum] = [ways[option.text], checksums[option.text]];
  if (way !== undefined) server.forwarding = way;
  else if (checksum !== undefined) tunnel.checksum = checksum;
  else if (option.text === "-w") server.weight = words.read("weight", "a number in 0…65535", wholeNumber(0, 65535));
  else if (option.text === "-x") server.upper = words.read("upper threshold", "a number", wholeNumber(0, 0xffff_ffff));
  else if (option.text === "-y") server.lower = words.read("lower threshold", "a number", wholeNumber(0, 0xffff_ffff));
  else if (option.text === "--tun-type") tunnel.type = words.read("tunnel", "ipip, gue or gre", readTunnelType);
  else if (option.text === "--tun-port") tunnel.port = words.read("tunnel", "a port", wholeNumber(1, 65535));
  else throw words.invalid(option, "option", "-m, -g, -i, -w, -x, -y or an option of a tunnel");
}

function readTunnelType(text: string): Tunnel["type"] | undefined {
  return (["ipip", "gue", "gre"] as const).find((type) => type === text);
}
