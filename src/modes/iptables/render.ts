import { assertNever } from "../../core/errors.ts";
import { formatSocketAddr, type Protocol, protocolName } from "../../net/flow.ts";
import { word } from "../quote.ts";
import type { Chain, IptablesRuleset, Match, Rule, Table, Target } from "./ruleset.ts";
import { type RuleFormat, shortRange, type Syntax, syntaxOf } from "./syntax.ts";

/**
 * The ruleset as text: one `*table … COMMIT` a table. This file and those it takes its words from are the only ones
 * that know the syntax.
 *
 * `restore` is input for `iptables-restore --noflush` (or `ip6tables-restore`, by family). The kernel's own chains keep
 * their policy and the rules they have: the ruleset's jumps are put in front of those, each before the ones put there
 * earlier, as kube-proxy does. All other chains are emptied first. Matches stand in the order of the data.
 *
 * `save` is what `iptables-save` would print of such a table, without comment lines and with counters at 0.
 *
 * @throws {SluiceError} RULE_TEXT_INVALID for a name or comment that could be read as more than one argument.
 */
export function renderIptables(ruleset: IptablesRuleset, format: RuleFormat): string {
  const syntax = syntaxOf(format, ruleset.family);
  const table = format === "restore" ? restoreTable : saveTable;
  return ruleset.tables.map((one) => table(one, syntax)).join("");
}

/** One rule as the arguments behind `-A CHAIN`; empty for a rule without conditions and target. */
export function renderRule(rule: Rule, family: IptablesRuleset["family"], format: RuleFormat): string {
  return ruleText(rule, syntaxOf(format, family)).slice(1);
}

function restoreTable({ name, chains }: Table, syntax: Syntax): string {
  const declared = chains.filter(({ policy }) => policy === undefined);
  const lines = [
    `*${name}`,
    ...declared.map((chain) => `:${word(chain.name, "chain")} - [0:0]`),
    ...chains.filter(hasRules).map((chain) => restoreRules(chain, syntax)),
    "COMMIT\n",
  ];
  return lines.join("\n");
}

function restoreRules({ name, policy, rules }: Chain, syntax: Syntax): string {
  if (policy === undefined) return rulesText(`-A ${name}`, rules, syntax);
  return rulesText(`-I ${word(name, "chain")}`, rules.toReversed(), syntax);
}

function saveTable({ name, chains }: Table, syntax: Syntax): string {
  const own = chains.filter(({ policy }) => policy !== undefined);
  const sorted = [...own, ...chains.filter(({ policy }) => policy === undefined).toSorted(byName)];
  const lines = [
    `*${name}`,
    ...sorted.map((chain) => `:${word(chain.name, "chain")} ${chain.policy ?? "-"} [0:0]`),
    ...sorted.filter(hasRules).map((chain) => rulesText(`-A ${chain.name}`, chain.rules, syntax)),
    "COMMIT\n",
  ];
  return lines.join("\n");
}

/** Joined chain by chain: a line is many small pieces, and they are forgotten sooner so. */
function rulesText(start: string, rules: readonly Rule[], syntax: Syntax): string {
  return rules.map((rule) => start + ruleText(rule, syntax)).join("\n");
}

function hasRules({ rules }: Chain): boolean {
  return rules.length > 0;
}

function byName(a: Chain, b: Chain): number {
  return a.name < b.name ? -1 : 1;
}

function ruleText({ matches, target }: Rule, syntax: Syntax): string {
  const conditions = syntax.sorted ? sortedMatches(matches, syntax) : orderedMatches(matches, syntax);
  return target === undefined ? conditions : conditions + targetText(target, syntax);
}

/** kube-proxy writes `-m tcp -p tcp -d IP --dport N`: a port before its protocol waits for it and the destination. */
function orderedMatches(matches: readonly Match[], syntax: Syntax): string {
  let text = "";
  let waiting = "";
  let protocolWritten = false;
  for (const match of matches) {
    if (match.kind === "destination-port" && !protocolWritten) {
      text += moduleText(match.proto);
      waiting = portText(match);
      continue;
    }
    if (match.kind === "protocol") protocolWritten = true;
    else if (match.kind !== "destination") {
      text += waiting;
      waiting = "";
    }
    text += matchText(match, syntax);
  }
  return text + waiting;
}

const packetFirst = ["source", "destination", "in-interface", "out-interface", "protocol"] as const;

/** The kernel keeps these apart from a rule's list of matches, so they have no order among those. */
function sortedMatches(matches: readonly Match[], syntax: Syntax): string {
  let text = "";
  for (const kind of packetFirst) {
    for (const match of matches) if (match.kind === kind && !matchesAll(match)) text += matchText(match, syntax);
  }
  for (const match of matches) {
    if (match.kind === "destination-port") text += moduleText(match.proto) + portText(match);
    else if (!(packetFirst as readonly string[]).includes(match.kind)) text += matchText(match, syntax);
  }
  return text;
}

/** A range of length 0 is not stored, and so not printed. */
function matchesAll(match: Match): boolean {
  return (match.kind === "source" || match.kind === "destination") && match.range.bits === 0 && match.not !== true;
}

function moduleText(proto: Protocol): string {
  return ` -m ${protocolName(proto)}`;
}

function portText(match: Match & { kind: "destination-port" }): string {
  return `${not(match)} --dport ${match.port}`;
}

function not(match: { readonly not?: true }): string {
  return match.not === true ? " !" : "";
}

function matchText(match: Match, syntax: Syntax): string {
  switch (match.kind) {
    case "source":
      return `${not(match)} -s ${syntax.range(match.range)}`;
    case "destination":
      return `${not(match)} -d ${syntax.range(match.range)}`;
    case "in-interface":
      return `${not(match)} -i ${word(match.name, "interface")}`;
    case "out-interface":
      return `${not(match)} -o ${word(match.name, "interface")}`;
    case "protocol":
      return `${not(match)} -p ${protocolName(match.proto)}`;
    case "destination-port":
      return moduleText(match.proto) + portText(match);
    case "protocol-module":
      return moduleText(match.proto);
    case "comment":
      return ` -m comment --comment ${syntax.comment(match.text)}`;
    case "mark":
      return ` -m mark${not(match)} --mark ${syntax.hex(match.value)}/${syntax.hex(match.mask)}`;
    case "conntrack-state":
      return ` -m conntrack${not(match)} --ctstate ${match.states.join(",")}`;
    case "state":
      return ` -m state${not(match)} --state ${match.states.join(",")}`;
    case "source-type":
      return ` -m addrtype${not(match)} --src-type ${match.type}`;
    case "destination-type":
      return ` -m addrtype${not(match)} --dst-type ${match.type}`;
    case "statistic-random":
      return ` -m statistic --mode random --probability ${syntax.probability(match.threshold)}`;
    case "recent-set":
      return ` -m recent ${syntax.recentSet(word(match.list, "list"))}`;
    case "recent-check":
      return ` -m recent ${syntax.recentCheck(word(match.list, "list"), match.seconds)}`;
    case "nfacct":
      return ` -m nfacct ${syntax.nfacct(word(match.counter, "counter"))}`;
    case "set":
      return ` -m set${not(match)} --match-set ${word(match.set, "set")} ${match.dimensions.join(",")}`;
    case "physdev-is-in":
      return ` -m physdev${not(match)} --physdev-is-in`;
    case "ipvs": {
      const proto = syntax.ipvsProtocol(match.proto);
      return ` -m ipvs --vproto ${proto} --vaddr ${shortRange(match.vaddr)} --vport ${match.port}`;
    }
    default:
      return assertNever(match);
  }
}

function targetText(target: Target, syntax: Syntax): string {
  switch (target.kind) {
    case "jump":
      return ` -j ${word(target.chain, "chain")}`;
    case "goto":
      return ` -g ${word(target.chain, "chain")}`;
    case "accept":
      return " -j ACCEPT";
    case "drop":
      return " -j DROP";
    case "return":
      return " -j RETURN";
    case "reject":
      return ` -j ${syntax.reject}`;
    case "mark":
      return ` -j ${syntax.markTarget(target.value, target.mask)}`;
    case "masquerade":
      return target.randomFully ? " -j MASQUERADE --random-fully" : " -j MASQUERADE";
    case "dnat":
      return ` -j DNAT --to-destination ${formatSocketAddr(target.to)}`;
    case "redirect":
      return ` -j REDIRECT --to-ports ${target.port}`;
    default:
      return assertNever(target);
  }
}
