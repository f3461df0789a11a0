import { type Protocol, protocolName, SCTP, TCP, UDP } from "../../net/flow.ts";
import { addressTypes, type ForeignMatch, hashlimitModes, packetTypes } from "./foreign.ts";
import { option, type OptionTable, readOptions, turned, writeOptions } from "./option-table.ts";
import * as text from "./option-values.ts";
import type { ConntrackState } from "./ruleset.ts";

type Of<K extends ForeignMatch["kind"]> = Extract<ForeignMatch, { readonly kind: K }>;

/** What iptables-save prints of states, in this order. */
export const conntrackStates: readonly ConntrackState[] = [
  "INVALID",
  "NEW",
  "RELATED",
  "ESTABLISHED",
  "UNTRACKED",
  "SNAT",
  "DNAT",
];

const header: OptionTable<Of<"header">> = {
  source: turned("--sport", text.ports, "--source-port"),
  destination: turned("--dport", text.ports, "--destination-port"),
  flags: turned("--tcp-flags", text.flagPair),
  option: turned("--tcp-option", text.upTo(255)),
};

const conntrack: OptionTable<Of<"conntrack">> = {
  states: turned("--ctstate", text.someOf(conntrackStates)),
  protocol: turned("--ctproto", text.upTo(255)),
  originalSource: turned("--ctorigsrc", text.addresses),
  originalDestination: turned("--ctorigdst", text.addresses),
  replySource: turned("--ctreplsrc", text.addresses),
  replyDestination: turned("--ctrepldst", text.addresses),
  originalSourcePort: turned("--ctorigsrcport", text.ports),
  originalDestinationPort: turned("--ctorigdstport", text.ports),
  replySourcePort: turned("--ctreplsrcport", text.ports),
  replyDestinationPort: turned("--ctrepldstport", text.ports),
  direction: turned("--ctdir", text.oneOf(["ORIGINAL", "REPLY"] as const)),
};

const recent: OptionTable<Of<"recent">> = {
  set: turned("--set", text.alone),
  check: turned("--rcheck", text.alone),
  update: turned("--update", text.alone),
  remove: turned("--remove", text.alone),
  seconds: option("--seconds", text.u32),
  reap: option("--reap", text.alone),
  hitCount: option("--hitcount", text.u32),
  sameTtl: option("--rttl", text.alone),
  list: option("--name", text.name),
  mask: option("--mask", text.ip),
  bySource: option("--rsource", text.alone),
  byDestination: option("--rdest", text.alone),
};

const hashlimit: OptionTable<Of<"hashlimit">> = {
  upTo: option("--hashlimit-upto", text.rate, "--hashlimit"),
  above: option("--hashlimit-above", text.rate),
  burst: option("--hashlimit-burst", text.u32),
  modes: option("--hashlimit-mode", text.someOf(hashlimitModes)),
  name: option("--hashlimit-name", text.name),
  tableSize: option("--hashlimit-htable-size", text.u32),
  tableMax: option("--hashlimit-htable-max", text.u32),
  collectMs: option("--hashlimit-htable-gcinterval", text.u32),
  expireMs: option("--hashlimit-htable-expire", text.u32),
  sourceBits: option("--hashlimit-srcmask", text.upTo(128)),
  destinationBits: option("--hashlimit-dstmask", text.upTo(128)),
};

/** A kind that is one `-m` with a table of options. */
interface ModuleText {
  readonly module: string;
  readonly table: Parameters<typeof readOptions>[1];
}

type TableKind = Exclude<ForeignMatch["kind"], "unknown" | "other-protocol" | "fragment" | "header" | "icmp-type">;

const modules: { readonly [K in TableKind]: ModuleText } = {
  multiport: {
    module: "multiport",
    table: {
      sources: turned("--sports", text.manyPorts, "--source-ports"),
      destinations: turned("--dports", text.manyPorts, "--destination-ports"),
      either: turned("--ports", text.manyPorts),
    } satisfies OptionTable<Of<"multiport">>,
  },
  conntrack: { module: "conntrack", table: conntrack },
  "connection-mark": { module: "connmark", table: { mark: turned("--mark", text.marked) } },
  "address-type": {
    module: "addrtype",
    table: {
      source: turned("--src-type", text.someOf(addressTypes)),
      destination: turned("--dst-type", text.someOf(addressTypes)),
      limitIn: option("--limit-iface-in", text.alone),
      limitOut: option("--limit-iface-out", text.alone),
    } satisfies OptionTable<Of<"address-type">>,
  },
  "statistic-nth": {
    module: "statistic --mode nth",
    table: {
      every: turned("--every", text.u32),
      packet: option("--packet", text.u32),
    } satisfies OptionTable<Of<"statistic-nth">>,
  },
  recent: { module: "recent", table: recent },
  limit: {
    module: "limit",
    table: {
      rate: option("--limit", text.rate),
      burst: option("--limit-burst", text.u32),
    } satisfies OptionTable<Of<"limit">>,
  },
  hashlimit: { module: "hashlimit", table: hashlimit },
  "mac-source": {
    module: "mac",
    table: { address: turned("--mac-source", text.mac) } satisfies OptionTable<Of<"mac-source">>,
  },
  "address-range": {
    module: "iprange",
    table: {
      source: turned("--src-range", text.addressRange),
      destination: turned("--dst-range", text.addressRange),
    } satisfies OptionTable<Of<"address-range">>,
  },
  physdev: {
    module: "physdev",
    table: {
      in: turned("--physdev-in", text.name),
      isIn: turned("--physdev-is-in", text.alone),
      out: turned("--physdev-out", text.name),
      isOut: turned("--physdev-is-out", text.alone),
      isBridged: turned("--physdev-is-bridged", text.alone),
    } satisfies OptionTable<Of<"physdev">>,
  },
  "reverse-path": {
    module: "rpfilter",
    table: {
      loose: option("--loose", text.alone),
      validMark: option("--validmark", text.alone),
      acceptLocal: option("--accept-local", text.alone),
      invert: option("--invert", text.alone),
    } satisfies OptionTable<Of<"reverse-path">>,
  },
  length: {
    module: "length",
    table: { range: turned("--length", text.ports) } satisfies OptionTable<Of<"length">>,
  },
  "packet-type": {
    module: "pkttype",
    table: { type: turned("--pkt-type", text.oneOf(packetTypes)) } satisfies OptionTable<Of<"packet-type">>,
  },
  "ipsec-policy": {
    module: "policy",
    table: {
      direction: option("--dir", text.oneOf(["in", "out"] as const)),
      policy: option("--pol", text.oneOf(["none", "ipsec"] as const)),
    } satisfies OptionTable<Of<"ipsec-policy">>,
  },
  owner: {
    module: "owner",
    table: {
      socketExists: turned("--socket-exists", text.alone),
      user: turned("--uid-owner", text.ids),
      group: turned("--gid-owner", text.ids),
    } satisfies OptionTable<Of<"owner">>,
  },
};

/** What must be there besides, for the text to say anything. */
const complete: { readonly [K in TableKind]?: (fields: Readonly<Record<string, unknown>>) => boolean } = {
  multiport: (fields) => Object.keys(fields).length === 1,
  conntrack: (fields) => Object.keys(fields).length > 0,
  "connection-mark": (fields) => "mark" in fields,
  "address-type": (fields) => Object.keys(fields).length > 0,
  "statistic-nth": (fields) => "every" in fields && "packet" in fields,
  recent: (fields) => ["set", "check", "update", "remove"].filter((field) => field in fields).length === 1,
  limit: (fields) => "rate" in fields,
  hashlimit: (fields) => "upTo" in fields !== "above" in fields,
  "mac-source": (fields) => "address" in fields,
  "address-range": (fields) => Object.keys(fields).length > 0,
  physdev: (fields) => Object.keys(fields).length > 0,
  length: (fields) => "range" in fields,
  "packet-type": (fields) => "type" in fields,
  "ipsec-policy": (fields) => "direction" in fields && "policy" in fields,
  owner: (fields) => Object.keys(fields).length > 0,
};

const kindOfModule = new Map(Object.entries(modules).map(([kind, { module }]) => [module, kind as TableKind]));
const protocolOfModule: ReadonlyMap<string, Protocol> = new Map([
  ["tcp", TCP],
  ["udp", UDP],
  ["sctp", SCTP],
]);
const icmpModules = { icmp: { family: 4, flag: "--icmp-type" }, icmp6: { family: 6, flag: "--icmpv6-type" } } as const;
const icmpTables = {
  icmp: { type: turned(icmpModules.icmp.flag, text.icmpType) },
  icmp6: { type: turned(icmpModules.icmp6.flag, text.icmpType) },
};

/**
 * Reads one `-m MODULE` with its options.
 *
 * @returns undefined for what has no type here.
 */
export function readForeignMatch(module: string, args: readonly string[]): ForeignMatch | undefined {
  const proto = protocolOfModule.get(module);
  if (proto !== undefined) return readHeader(proto, args);
  if (module === "icmp" || module === "icmp6") {
    const fields = readOptions(args, icmpTables[module]) as Pick<Of<"icmp-type">, "type"> | undefined;
    const complete = fields?.type !== undefined;
    return complete ? { kind: "icmp-type", family: icmpModules[module].family, ...fields } : undefined;
  }
  if (module === "statistic") {
    const nth = args[0] === "--mode" && args[1] === "nth";
    return nth ? readTable("statistic-nth", args.slice(2)) : undefined;
  }
  const kind = kindOfModule.get(module);
  return kind === undefined ? undefined : readTable(kind, args);
}

function readHeader(proto: Protocol, args: readonly string[]): ForeignMatch | undefined {
  const inFull = args.flatMap((arg) => (arg === "--syn" ? ["--tcp-flags", "FIN,SYN,RST,ACK", "SYN"] : [arg]));
  const fields = readOptions(inFull, header);
  if (fields === undefined || Object.keys(fields).length === 0) return undefined;
  if (proto !== TCP && ("flags" in fields || "option" in fields)) return undefined;
  return { kind: "header", proto, ...fields };
}

function readTable(kind: TableKind, args: readonly string[]): ForeignMatch | undefined {
  const fields = readOptions(args, modules[kind].table);
  if (fields === undefined || complete[kind]?.(fields) === false) return undefined;
  if (kind !== "connection-mark") return { kind, ...fields } as ForeignMatch;
  const { mark } = fields as { mark: { is: Marked } | { not: Marked } };
  return "is" in mark ? { kind, ...mark.is } : { kind, ...mark.not, not: true };
}

interface Marked {
  readonly value: number;
  readonly mask: number;
}

/** A foreign condition as text, behind a blank. The same in both formats. */
export function foreignMatchText(match: ForeignMatch): string {
  switch (match.kind) {
    case "unknown":
      return ` ${match.text}`;
    case "other-protocol":
      return `${match.not === true ? " !" : ""} -p ${match.name}`;
    case "fragment":
      return match.not === true ? " ! -f" : " -f";
    case "header":
      return ` -m ${protocolName(match.proto)}${writeOptions(match, header)}`;
    case "icmp-type": {
      const module = match.family === 4 ? "icmp" : "icmp6";
      return ` -m ${module}${writeOptions(match, icmpTables[module])}`;
    }
    case "connection-mark": {
      const { value, mask, not } = match;
      const mark = not === true ? { not: { value, mask } } : { is: { value, mask } };
      return ` -m connmark${writeOptions({ mark }, modules[match.kind].table)}`;
    }
    default: {
      const { module, table } = modules[match.kind];
      return ` -m ${module}${writeOptions(match, table)}`;
    }
  }
}

const foreignKinds: ReadonlySet<string> = new Set([
  ...Object.keys(modules),
  "unknown",
  "other-protocol",
  "fragment",
  "header",
  "icmp-type",
]);

/** Whether kube-proxy's rules never have it. */
export function isForeignMatch(match: { readonly kind: string }): match is ForeignMatch {
  return foreignKinds.has(match.kind);
}
