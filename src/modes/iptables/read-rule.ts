import { type Cidr, hostCidr, maskIp, tryParseCidr } from "../../net/cidr.ts";
import { protocolName, SCTP, TCP, UDP } from "../../net/flow.ts";
import { type Family, familyOf, tryParseIp } from "../../net/ip.ts";
import { readMatch } from "./read-match.ts";
import { readTarget } from "./read-target.ts";
import type { Counters, Match, Rule, Target } from "./ruleset.ts";
import { plainName } from "./syntax.ts";
import { type Line, spanOf } from "./words.ts";

/** What a rule is read by, besides its own line. */
export interface RuleContext {
  readonly family: Family;
  /** The jump to a chain that the rule's table has: always the same one, as a dump has many. */
  jumpTo(name: string): Target | undefined;
  /** Refuses the line. @param word the number of the word that is wrong; one behind the last: it is missing. */
  fail(word: number, expected: string): never;
}

type HeadOption =
  | "source"
  | "destination"
  | "in-interface"
  | "out-interface"
  | "protocol"
  | "fragment"
  | "match"
  | "jump"
  | "goto"
  | "counters";

const headOptions: ReadonlyMap<string, HeadOption> = new Map<string, HeadOption>([
  ["-s", "source"],
  ["--source", "source"],
  ["--src", "source"],
  ["-d", "destination"],
  ["--destination", "destination"],
  ["--dst", "destination"],
  ["-i", "in-interface"],
  ["--in-interface", "in-interface"],
  ["-o", "out-interface"],
  ["--out-interface", "out-interface"],
  ["-p", "protocol"],
  ["--protocol", "protocol"],
  ["-f", "fragment"],
  ["--fragment", "fragment"],
  ["-m", "match"],
  ["--match", "match"],
  ["-j", "jump"],
  ["--jump", "jump"],
  ["-g", "goto"],
  ["--goto", "goto"],
  ["-c", "counters"],
  ["--set-counters", "counters"],
]);

/** Shared by all rules: a large dump has a hundred thousand of them. */
const protocols: ReadonlyMap<string, Match & { readonly kind: "protocol" }> = new Map(
  ([TCP, UDP, SCTP] as const).flatMap((proto) => {
    const match = { kind: "protocol", proto } as const;
    return [protocolName(proto), String(proto)].map((name) => [name, match] as const);
  }),
);
const protocolModules = new Set(["tcp", "udp", "udplite", "sctp", "dccp", "icmp", "icmp6"]);
/** Options that iptables finds by the protocol alone, where no `-m` names the module. */
const implicitOptions = new Set(
  "--sport --source-port --dport --destination-port --tcp-flags --syn --tcp-option --icmp-type --icmpv6-type".split(
    " ",
  ),
);
/** What follows them is a text, whatever it looks like. */
const textOptions = new Set(
  "--comment --log-prefix --nflog-prefix --string --hex-string --name --nfacct-name --hashlimit-name".split(" "),
);

const turnable: ReadonlySet<HeadOption> = new Set([
  "source",
  "destination",
  "in-interface",
  "out-interface",
  "protocol",
]);
const asItIs: { readonly not?: true } = {};
const turnedRound: { readonly not?: true } = { not: true };

/** A module or target with its options, as far as they were met; other options may stand between. */
interface Group {
  readonly name: string;
  /** Where its condition stands among the rule's; undefined: it is the target. */
  readonly place: number | undefined;
  readonly args: string[];
  /** The numbers of the words that it is made of. */
  readonly words: number[];
}

/**
 * Reads what stands behind `-A CHAIN`, in the words of iptables-save or of iptables-restore's input.
 *
 * @param from the number of its first word.
 */
export function readRule(line: Line, from: number, context: RuleContext): Rule {
  return new RuleReader(line, context).read(from);
}

class RuleReader {
  readonly #line: Line;
  readonly #context: RuleContext;
  readonly #matches: Match[] = [];
  #target: Target | undefined;
  #counters: Counters | undefined;
  /** Whose options may stand without `-m`. */
  #protocol: string | undefined;
  #group: Group | undefined;

  constructor(line: Line, context: RuleContext) {
    this.#line = line;
    this.#context = context;
  }

  read(from: number): Rule {
    const { words, quoted } = this.#line;
    for (let at = from; at < words.length;) {
      const not = words[at] === "!" && !quoted.has(at);
      const optionAt = not ? at + 1 : at;
      const option = quoted.has(optionAt) ? undefined : headOptions.get(words[optionAt] ?? "");
      if (option === undefined) at = this.#takeArgument(at, optionAt);
      else at = this.#takeOption(option, at, optionAt, not);
    }
    this.#endGroup();
    const rule: { matches: Match[]; target?: Target; counters?: Counters } = { matches: this.#matches };
    if (this.#target !== undefined) rule.target = this.#target;
    if (this.#counters !== undefined) rule.counters = this.#counters;
    return rule;
  }

  /** @returns the number of the next word. */
  #takeOption(option: HeadOption, from: number, at: number, before: boolean): number {
    // iptables up to 1.4.2 has the mark behind the option: -d ! 10.0.0.0/8.
    const behind = turnable.has(option) && this.#line.words[at + 1] === "!" && !this.#line.quoted.has(at + 1);
    const not = before !== behind;
    const value = behind ? at + 2 : at + 1;
    const turn = not ? turnedRound : asItIs;
    switch (option) {
      case "source":
      case "destination":
        this.#takeAddress(option, from, value, turn);
        return value + 1;
      case "in-interface":
      case "out-interface":
        this.#matches.push({ kind: option, name: this.#name(value, "the name of an interface"), ...turn });
        return value + 1;
      case "protocol":
        this.#takeProtocol(value, turn);
        return value + 1;
      case "fragment":
        this.#matches.push({ kind: "fragment", ...turn });
        return value;
      case "counters":
        this.#counters = { packets: this.#count(value), bytes: this.#count(value + 1) };
        return value + 2;
      default:
        break;
    }
    if (not) this.#context.fail(at, "an option that may be turned round");
    this.#endGroup();
    if (option === "match") this.#openMatch(this.#name(value, "the name of a match"), [at, value]);
    else this.#openTarget(option, value);
    return value + 1;
  }

  #takeAddress(kind: "source" | "destination", from: number, at: number, turn: { not?: true }): void {
    const text = this.#line.words[at];
    const { family } = this.#context;
    const range = text === undefined ? undefined : readAddresses(text, family);
    if (range === "bad" || text === undefined) this.#context.fail(at, `an IPv${family} address or range`);
    if (range === undefined) this.#matches.push({ kind: "unknown", text: this.#verbatim(wordsTo(from, at)) });
    else this.#matches.push(turn.not === true ? { kind, range, not: true } : { kind, range });
  }

  #takeProtocol(at: number, turn: { not?: true }): void {
    const name = this.#name(at, "the name or number of a protocol").toLowerCase();
    const proto = protocols.get(name);
    this.#protocol = turn.not === undefined ? moduleOf(name, proto) : undefined;
    if (proto !== undefined) this.#matches.push(turn.not === true ? { ...proto, not: true } : proto);
    // All protocols: no condition, and none that could be turned round.
    else if (name !== "all" && name !== "0") this.#matches.push({ kind: "other-protocol", name, ...turn });
    else if (turn.not === true) this.#context.fail(at, "a protocol");
  }

  #openMatch(name: string, words: number[]): void {
    // The place is kept; what stands there is known once all of its options are.
    const place = this.#matches.push({ kind: "unknown", text: "" }) - 1;
    this.#group = { name, place, args: [], words };
  }

  #openTarget(option: "jump" | "goto", at: number): void {
    if (this.#target !== undefined) this.#context.fail(at - 1, "one target");
    const name = this.#name(at, "the name of a chain or target");
    if (option === "goto") {
      this.#target = { kind: "goto", chain: name };
      return;
    }
    this.#target = { kind: "unknown", text: name };
    this.#group = { name, place: undefined, args: [], words: [at] };
  }

  /** A word that is no option of the packet's head belongs to the module or target that was named last. */
  #takeArgument(at: number, optionAt: number): number {
    const { words, quoted } = this.#line;
    const option = words[optionAt];
    if (option === undefined) this.#context.fail(optionAt, "an option behind !");
    const implicit = implicitOptions.has(option) && !quoted.has(optionAt);
    const name = this.#group?.name ?? "";
    if (implicit && this.#protocol !== undefined && name !== this.#protocol && !protocolModules.has(name)) {
      this.#endGroup();
      this.#openMatch(this.#protocol, []);
    }
    const group = this.#group;
    if (group === undefined) this.#context.fail(at, "an option such as -s, -p, -m or -j");
    const isText = textOptions.has(option) && !quoted.has(optionAt);
    const end = Math.min(isText ? optionAt + 2 : optionAt + 1, words.length);
    for (let word = at; word < end; word += 1) {
      group.args.push(words[word]!);
      group.words.push(word);
    }
    return end;
  }

  #endGroup(): void {
    const group = this.#group;
    if (group === undefined) return;
    this.#group = undefined;
    const { name, args, place } = group;
    if (place === undefined) {
      this.#target = readTarget(name, args, this.#context.jumpTo) ?? this.#unknown(group);
    } else {
      this.#matches[place] = readMatch(name, args, this.#context.family) ?? this.#unknown(group);
    }
  }

  #unknown({ name, place, words }: Group): { kind: "unknown"; text: string } {
    const implied = place !== undefined && headOptions.get(this.#line.words[words[0]!]!) === undefined;
    return { kind: "unknown", text: (implied ? `-m ${name} ` : "") + this.#verbatim(words) };
  }

  /** Words as they stand in the line, quotes and all. */
  #verbatim(words: readonly number[]): string {
    return words.map((word) => this.#line.text.slice(...spanOf(this.#line, word))).join(" ");
  }

  #name(at: number, expected: string): string {
    const name = this.#line.words[at] ?? "";
    if (!plainName.test(name)) this.#context.fail(at, expected);
    return name;
  }

  #count(at: number): bigint {
    const text = this.#line.words[at] ?? "";
    if (!/^\d{1,20}$/.test(text)) this.#context.fail(at, "a number of packets, and one of bytes");
    return BigInt(text);
  }
}

function wordsTo(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** The module that iptables loads by itself for a protocol's options. */
function moduleOf(protocol: string, known: (Match & { readonly kind: "protocol" }) | undefined): string {
  if (known !== undefined) return protocolName(known.proto);
  if (protocol === "ipv6-icmp" || protocol === "icmpv6" || protocol === "58") return "icmp6";
  return protocol;
}

/**
 * @returns undefined for what has no type: a name, a list, a mask with gaps, an IPv4 address in IPv6's clothes; `bad`
 *   for what iptables would not read either.
 */
function readAddresses(given: string, family: Family): Cidr | "bad" | undefined {
  const text = family === 4 ? withAllOctets(given) : given;
  const slash = text.indexOf("/");
  const ip = tryParseIp(slash < 0 ? text : text.slice(0, slash));
  if (ip === undefined) return /^[\d./]*$/.test(text) || text.includes(":") ? "bad" : undefined;
  if (familyOf(ip) !== family) return family === 6 && text.includes(":") ? undefined : "bad";
  if (slash < 0) return hostCidr(ip);
  const bitsText = text.slice(slash + 1);
  // Nearly all are of this form; the address has been read already.
  if (typeof ip === "number" && /^(?:[12]?\d|3[0-2])$/.test(bitsText)) {
    const bits = Number(bitsText);
    return bits === 32 ? { base: ip, bits } : { base: maskIp(ip, bits), bits };
  }
  const range = tryParseCidr(text);
  if (range !== undefined) return range;
  const mask = tryParseIp(bitsText);
  if (mask === undefined || familyOf(mask) !== family) return "bad";
  const bits = typeof mask === "number" ? prefixOf(mask) : undefined;
  return bits === undefined ? undefined : { base: maskIp(ip, bits), bits };
}

/** iptables takes `10/8` for 10.0.0.0/8. */
function withAllOctets(text: string): string {
  const [, octets, mask] = /^(\d+(?:\.\d+){0,2})(\/\d+)$/.exec(text) ?? [];
  if (octets === undefined) return text;
  return [...octets.split("."), "0", "0", "0"].slice(0, 4).join(".") + mask;
}

function prefixOf(mask: number): number | undefined {
  const bits = 32 - Math.log2(2 ** 32 - mask);
  return Number.isInteger(bits) ? bits : undefined;
}
