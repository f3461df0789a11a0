import { type Protocol, SCTP, TCP, tryParseProtocol, UDP } from "../../net/flow.ts";
import type { Family, Ip } from "../../net/ip.ts";
import { conntrackStates, readForeignMatch } from "./foreign-matches.ts";
import * as text from "./option-values.ts";
import type { Match } from "./ruleset.ts";
import { plainName } from "./syntax.ts";

/** One option with one value, alone behind its module. */
interface Only {
  readonly flag: string;
  readonly value: string;
  readonly turn: { readonly not?: true };
}

type ProtocolModule = "tcp" | "udp" | "sctp";

/** Shared by all rules: a large dump has a hundred thousand of them. */
const protocolModules = {
  tcp: { kind: "protocol-module", proto: TCP },
  udp: { kind: "protocol-module", proto: UDP },
  sctp: { kind: "protocol-module", proto: SCTP },
} as const satisfies { readonly [M in ProtocolModule]: Match };
const asItIs: Only["turn"] = {};
const turnedRound: Only["turn"] = { not: true };
const portNumber = text.upTo(0xffff);
const states = text.someOf(conntrackStates);
const dimensions = text.someOf(["src", "dst"]);
const MAX_COMMENT_BYTES = 255;

/**
 * Reads one `-m MODULE` with its options: as what kube-proxy writes where it is that, else as what others do.
 *
 * @returns undefined for what has no type.
 */
export function readMatch(module: string, args: readonly string[], family: Family): Match | undefined {
  return readOwn(module, args) ?? narrowed(readForeignMatch(module, args), family);
}

function readOwn(module: string, args: readonly string[]): Match | undefined {
  switch (module) {
    case "comment":
      return args.length === 2 && args[0] === "--comment" ? readComment(args[1]!) : undefined;
    case "tcp":
    case "udp":
    case "sctp":
      return args.length === 0 ? protocolModules[module] : readDestinationPort(module, onlyOption(args));
    case "statistic":
      return args[0] === "--mode" && args[1] === "random" ? readRandom(args) : undefined;
    case "set":
      return readSet(args);
    case "ipvs":
      return readIpvs(args);
    default: {
      const only = onlyOption(args);
      return only && readSingle(module, only);
    }
  }
}

function onlyOption(args: readonly string[]): Only | undefined {
  const turned = args[0] === "!";
  const first = turned ? 1 : 0;
  const flag = args[first];
  if (flag === undefined || args.length > first + 2) return undefined;
  return { flag, value: args[first + 1] ?? "", turn: turned ? turnedRound : asItIs };
}

function readComment(comment: string): Match | undefined {
  return isKept(comment) ? { kind: "comment", text: comment } : undefined;
}

function readSingle(module: string, { flag, value, turn }: Only): Match | undefined {
  switch (module) {
    case "mark": {
      const mark = flag === "--mark" ? text.marked.read(value, "") : undefined;
      return mark && { kind: "mark", ...mark, ...turn };
    }
    case "conntrack": {
      const some = flag === "--ctstate" ? states.read(value, "") : undefined;
      return some && { kind: "conntrack-state", states: some, ...turn };
    }
    case "state": {
      const some = flag === "--state" ? states.read(value, "") : undefined;
      return some && { kind: "state", states: some, ...turn };
    }
    case "addrtype":
      if (value !== "LOCAL" || (flag !== "--src-type" && flag !== "--dst-type")) return undefined;
      return { kind: flag === "--src-type" ? "source-type" : "destination-type", type: value, ...turn };
    case "nfacct":
      if (flag !== "--nfacct-name" || !plainName.test(value) || turn.not === true) return undefined;
      return { kind: "nfacct", counter: value };
    case "physdev":
      return flag === "--physdev-is-in" && value === "" ? { kind: "physdev-is-in", ...turn } : undefined;
    default:
      return undefined;
  }
}

/** A comment that a rule can be written with again. */
function isKept(comment: string): boolean {
  if (/\p{Cc}/u.test(comment)) return false;
  return comment.length <= MAX_COMMENT_BYTES / 3 || Buffer.byteLength(comment) <= MAX_COMMENT_BYTES;
}

function readDestinationPort(module: ProtocolModule, only: Only | undefined): Match | undefined {
  if (only?.flag !== "--dport" && only?.flag !== "--destination-port") return undefined;
  // Ranges are left to `header`.
  const port = portNumber.read(only.value, "");
  if (port === undefined) return undefined;
  const proto = protocolModules[module].proto;
  return only.turn.not === true
    ? { kind: "destination-port", proto, port, not: true }
    : { kind: "destination-port", proto, port };
}

function readRandom(args: readonly string[]): Match | undefined {
  const only = onlyOption(args.slice(2));
  if (only?.flag !== "--probability" || !/^[01](?:\.\d+)?$/.test(only.value)) return undefined;
  const chance = Number(only.value);
  if (chance > 1) return undefined;
  return { kind: "statistic-random", threshold: Math.round(chance * 2 ** 31), ...only.turn };
}

function readSet(args: readonly string[]): Match | undefined {
  const turned = args[0] === "!";
  const [flag, set, directions, more] = turned ? args.slice(1) : args;
  const some = dimensions.read(directions ?? "", "");
  const known = flag === "--match-set" && set !== undefined && plainName.test(set) && more === undefined;
  return known && some ? { kind: "set", set, dimensions: some, ...(turned ? { not: true } : {}) } : undefined;
}

/** kube-proxy's three options, in any order. */
function readIpvs(args: readonly string[]): Match | undefined {
  const options = new Map([0, 2, 4].map((at) => [args[at], args[at + 1] ?? ""]));
  const given = options.get("--vproto")?.toLowerCase();
  const proto = given === undefined ? undefined : (tryParseProtocol(given) ?? protocolOfNumber(given));
  const vaddr = text.addresses.read(options.get("--vaddr") ?? "", "");
  const port = portNumber.read(options.get("--vport") ?? "", "");
  const all = args.length === 6 && proto !== undefined && vaddr !== undefined && port !== undefined;
  return all ? { kind: "ipvs", vaddr, proto, port } : undefined;
}

function protocolOfNumber(number: string): Protocol | undefined {
  return [TCP, UDP, SCTP].find((proto) => String(proto) === number) as Protocol | undefined;
}

const listFields = new Set(["kind", "list", "mask", "bySource"]);

/** The two forms of `-m recent` that kube-proxy writes have kinds of their own. */
function narrowed(match: Match | undefined, family: Family): Match | undefined {
  if (match?.kind !== "recent" || match.list === undefined || match.byDestination === true) return match;
  if (match.mask !== undefined && !isWhole(match.mask, family)) return match;
  const said = Object.keys(match).filter((field) => !listFields.has(field));
  const { list } = match;
  if (said.length === 1 && isPlain(match.set)) return { kind: "recent-set", list };
  const checked = said.length === 3 && match.reap === true && match.seconds !== undefined && isPlain(match.check);
  return checked ? { kind: "recent-check", list, seconds: match.seconds } : match;
}

function isPlain(said: object | undefined): boolean {
  return said !== undefined && "is" in said;
}

function isWhole(mask: Ip, family: Family): boolean {
  if (typeof mask === "number") return family === 4 && mask === 0xffff_ffff;
  return family === 6 && [mask.w0, mask.w1, mask.w2, mask.w3].every((word) => word === 0xffff_ffff);
}
