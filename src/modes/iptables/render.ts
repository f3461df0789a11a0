import { assertNever } from "../../core/errors.ts";
import { formatSocketAddr, type Protocol, protocolName } from "../../net/flow.ts";
import { formatIp } from "../../net/ip.ts";
import { word as plainWord } from "../quote.ts";
import type { ForeignTarget } from "./foreign.ts";
import { foreignMatchText, isForeignMatch } from "./foreign-matches.ts";
import { foreignTargetText } from "./foreign-targets.ts";
import { dashedPorts } from "./option-values.ts";
import type { Chain, Counters, IptablesRuleset, Match, OwnMatch, Rule, Table, Target } from "./ruleset.ts";
import { plainName, type RuleFormat, shortRange, type Syntax, syntaxOf } from "./syntax.ts";

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
    ...declared.map(({ name, counters }) => `:${word(name, "chain")} - ${countersText(counters)}`),
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
    ...sorted.map(({ name, policy, counters }) => `:${word(name, "chain")} ${policy ?? "-"} ${countersText(counters)}`),
    ...sorted.filter(hasRules).map((chain) => rulesText(`-A ${chain.name}`, chain.rules, syntax)),
    "COMMIT\n",
  ];
  return lines.join("\n");
}

/** Joined chain by chain: a line is many small pieces, and they are forgotten sooner so. */
function rulesText(start: string, rules: readonly Rule[], syntax: Syntax): string {
  return rules.map((rule) => countedStart(start, rule) + ruleText(rule, syntax)).join("\n");
}

function countedStart(start: string, { counters }: Rule): string {
  return counters === undefined ? start : `${countersText(counters)} ${start}`;
}

function countersText(counters: Counters | undefined): string {
  return counters === undefined ? "[0:0]" : `[${counters.packets}:${counters.bytes}]`;
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

/** The kernel keeps these apart from a rule's list of matches, so they have no order among those. */
const headPlaces: Readonly<Partial<Record<Match["kind"], number>>> = {
  source: 0,
  destination: 1,
  "in-interface": 2,
  "out-interface": 3,
  protocol: 4,
  "other-protocol": 4,
  fragment: 5,
};
const HEAD_OPTIONS = ["-s", "-d", "-i", "-o"];
const LAST_PLACE = 5;

/** @returns undefined for what stands in the list of matches. */
function headPlace(match: Match): number | undefined {
  if (match.kind !== "unknown") return headPlaces[match.kind];
  const place = HEAD_OPTIONS.indexOf(/^(?:! )?(-[sdio]) /.exec(match.text)?.[1] ?? "");
  return place < 0 ? undefined : place;
}

function sortedMatches(matches: readonly Match[], syntax: Syntax): string {
  const heads: string[] = [];
  let text = "";
  for (const match of matches) {
    const place = headPlace(match);
    if (place === undefined) text += matchText(match, syntax);
    else if (!matchesAll(match)) heads[place] = (heads[place] ?? "") + matchText(match, syntax);
  }
  for (let place = LAST_PLACE; place >= 0; place -= 1) text = (heads[place] ?? "") + text;
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

/** A name that may be another program's. */
function word(text: string, path: string): string {
  return plainWord(text, path, plainName);
}

/** Text that was read from a line, and is one. */
function verbatim(text: string): string {
  return plainWord(text, "rule", /^[\t\P{Cc}]+$/u);
}

function matchText(match: Match, syntax: Syntax): string {
  return isForeignMatch(match) ? verbatim(foreignMatchText(match)) : ownMatchText(match, syntax);
}

function ownMatchText(match: OwnMatch, syntax: Syntax): string {
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
      return ` -m mark${not(match)} --mark ${syntax.marked(match.value, match.mask)}`;
    case "conntrack-state":
      return ` -m conntrack${not(match)} --ctstate ${match.states.join(",")}`;
    case "state":
      return ` -m state${not(match)} --state ${match.states.join(",")}`;
    case "source-type":
      return ` -m addrtype${not(match)} --src-type ${match.type}`;
    case "destination-type":
      return ` -m addrtype${not(match)} --dst-type ${match.type}`;
    case "statistic-random":
      return ` -m statistic --mode random${not(match)} --probability ${syntax.probability(match.threshold)}`;
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
      return ` -j ${target.with === undefined ? syntax.reject : `REJECT --reject-with ${word(target.with, "answer")}`}`;
    case "mark":
      return ` -j ${syntax.markTarget(target.value, target.mask)}`;
    case "masquerade": {
      const ports = target.ports === undefined ? "" : ` --to-ports ${dashedPorts.write(target.ports)}`;
      const random = target.random === true ? " --random" : "";
      return ` -j MASQUERADE${ports}${random}${target.randomFully ? " --random-fully" : ""}`;
    }
    case "dnat": {
      const { ip, port } = target.to;
      return ` -j DNAT --to-destination ${port === 0 ? formatIp(ip) : formatSocketAddr(target.to)}`;
    }
    case "redirect":
      return target.port === 0 ? " -j REDIRECT" : ` -j REDIRECT --to-ports ${target.port}`;
    default:
      return ` -j ${verbatim(foreignTargetText(target satisfies ForeignTarget))}`;
  }
}
