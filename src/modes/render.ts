import { assertNever } from "../core/errors.ts";
import type { Family } from "../net/ip.ts";
import { renderIptables } from "./iptables/render.ts";
import type { IptablesRuleset } from "./iptables/ruleset.ts";
import type { RuleFormat } from "./iptables/syntax.ts";
import { asListed } from "./ipvs/listed.ts";
import { renderIpvs } from "./ipvs/render.ts";
import { nodeCommands, renderAddresses } from "./ipvs/render-node.ts";
import { renderSets } from "./ipvs/render-sets.ts";
import type { Surroundings } from "./ipvs/surroundings.ts";
import type { IpvsTables } from "./ipvs/tables.ts";
import { renderNftables } from "./nftables/render.ts";
import { familyOfTable } from "./nftables/table-family.ts";
import type { Program } from "./program.ts";
import { renderUserspace } from "./userspace/render.ts";

/** One text that a command of the host takes on its standard input. */
export interface KernelInput {
  /** `iptables IPv4`, `ipvs IPv6`, … */
  readonly name: string;
  readonly family: Family;
  /** Commands to be run before, each once on a host: they make what the text only names. */
  readonly setup: readonly (readonly string[])[];
  /** Takes the text; of the format `save`, the command that prints it. */
  readonly command: readonly string[];
  readonly text: string;
}

/**
 * The program in the kernel's own words, one text for each command that takes part.
 *
 * @param format `restore`: what is fed to the command. `save`: what the kernel would list if it held the program alone.
 * @throws {SluiceError} RULE_TEXT_INVALID for a name or comment that could be read as more than one argument.
 */
export function renderProgram(program: Program, format: RuleFormat = "restore"): readonly KernelInput[] {
  switch (program.mode) {
    case "userspace":
      return [
        {
          name: "userspace portals IPv4",
          family: 4,
          setup: [],
          command: iptablesCommand(4, format),
          text: renderUserspace(program.table, format),
        },
      ];
    case "iptables":
      return program.rulesets.map((ruleset) => ({
        name: `iptables IPv${ruleset.family}`,
        family: ruleset.family,
        setup: format === "restore" ? countersOf(ruleset) : [],
        command: iptablesCommand(ruleset.family, format),
        text: renderIptables(ruleset, format),
      }));
    case "nftables":
      return program.ruleset.tables.map((table) => ({
        name: `nftables IPv${familyOfTable(table)}`,
        family: familyOfTable(table),
        setup: [],
        command: format === "restore" ? ["nft", "-f", "-"] : ["nft", "-s", "list", "ruleset"],
        text: renderNftables({ tables: [table] }, format === "restore" ? "written" : "listed"),
      }));
    case "ipvs":
      return program.tables.flatMap((tables) => [
        serversInput(tables, format),
        ...(tables.around === undefined ? [] : aroundInputs(tables.around, format)),
      ]);
    default:
      return assertNever(program);
  }
}

function serversInput(tables: IpvsTables, format: RuleFormat): KernelInput {
  return {
    name: `ipvs IPv${tables.family}`,
    family: tables.family,
    setup: [],
    command: format === "restore" ? ["ipvsadm", "-R"] : ["ipvsadm", "-S", "-n"],
    text: renderIpvs(format === "restore" ? tables : asListed(tables)),
  };
}

/** Sets before the rules that name them. What the kernel lists of addresses is no text that could be fed to it. */
function aroundInputs(around: Surroundings, format: RuleFormat): readonly KernelInput[] {
  const { rules, sets } = around;
  const { family } = rules;
  const setsInput: KernelInput = {
    name: `ipvs sets IPv${family}`,
    family,
    setup: [],
    command: format === "restore" ? ["ipset", "restore"] : ["ipset", "save"],
    text: renderSets(sets, format),
  };
  const rulesInput: KernelInput = {
    name: `ipvs rules IPv${family}`,
    family,
    setup: [],
    command: iptablesCommand(family, format),
    text: renderIptables(rules, format),
  };
  if (format === "save") return [setsInput, rulesInput];
  const addressesInput: KernelInput = {
    name: `ipvs addresses IPv${family}`,
    family,
    setup: nodeCommands(around),
    command: ["ip", "-batch", "-"],
    text: renderAddresses(around),
  };
  return [addressesInput, setsInput, rulesInput];
}

function iptablesCommand(family: Family, format: RuleFormat): readonly string[] {
  const tool = family === 4 ? "iptables" : "ip6tables";
  return format === "restore" ? [`${tool}-restore`, "--noflush"] : [`${tool}-save`];
}

/** A rule that names a counter cannot be loaded before the counter is there. */
function countersOf({ tables }: IptablesRuleset): readonly (readonly string[])[] {
  const names = new Set<string>();
  for (const { chains } of tables) {
    for (const { rules } of chains) {
      for (const { matches } of rules) {
        for (const match of matches) if (match.kind === "nfacct") names.add(match.counter);
      }
    }
  }
  return [...names].map((name) => ["nfacct", "add", name]);
}
