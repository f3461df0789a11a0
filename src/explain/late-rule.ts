import type { PacketHead } from "../dataplane/emulated/netfilter/packet.ts";
import { renderRule } from "../modes/iptables/render.ts";
import type { IptablesRuleset, Rule } from "../modes/iptables/ruleset.ts";
import { familyOf } from "../net/ip.ts";
import { nodeOf, type NodeParts } from "./assemble-node.ts";
import type { PacketOutcome } from "./packet-outcome.ts";
import { tracePacket } from "./trace-packet.ts";

/**
 * The rule that would let a packet through, if the one that stops it were not before it.
 *
 * Traces the packet once more, through the rules without that one.
 *
 * @returns undefined where none would, and for what is no rule of iptables.
 */
export function lateRule(
  parts: NodeParts,
  { head, inInterface }: { readonly head: PacketHead; readonly inInterface: string },
  stopped: PacketOutcome,
): string | undefined {
  const [, table, chain, text] = /^(\w+)\/(\S+): (-A .*)$/.exec(stopped.by) ?? [];
  const last = stopped.path.at(-1);
  if (text === undefined || last === undefined) return undefined;
  const family = familyOf(head.dst);
  const iptables = parts.iptables?.map((ruleset) =>
    ruleset.family === family ? withoutRule(ruleset, { table: table!, chain: chain!, text }) : ruleset,
  );
  if (iptables === undefined) return undefined;
  const { outcomes } = tracePacket(nodeOf({ ...parts, iptables }), head, { inInterface });
  const through = outcomes.find(({ verdict }) => verdict === "forward" || verdict === "local" || verdict === "pass");
  const accepting = through?.path.find(
    ({ hook, where, effect }) => hook === last.hook && where.startsWith(`${table}/`) && effect === "accept",
  );
  return accepting === undefined ? undefined : `${accepting.where}: ${accepting.rule}`;
}

interface RulePlace {
  readonly table: string;
  readonly chain: string;
  /** With `-A CHAIN` before it. */
  readonly text: string;
}

/** Rules that say the same in the same chain are all taken for the one. */
function withoutRule(ruleset: IptablesRuleset, { table, chain, text }: RulePlace): IptablesRuleset {
  const isIt = (rule: Rule): boolean => `-A ${chain} ${renderRule(rule, ruleset.family, "save")}`.trimEnd() === text;
  const tables = ruleset.tables.map((one) => {
    if (one.name !== table) return one;
    const chains = one.chains.map((some) =>
      some.name === chain ? { ...some, rules: some.rules.filter((rule) => !isIt(rule)) } : some,
    );
    return { ...one, chains };
  });
  return { ...ruleset, tables };
}
