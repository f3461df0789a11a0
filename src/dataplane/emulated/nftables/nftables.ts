import { ruleText } from "../../../modes/nftables/render-statement.ts";
import type { NftablesRuleset, TableFamily } from "../../../modes/nftables/ruleset.ts";
import { syntaxOf } from "../../../modes/nftables/syntax.ts";
import { type Family, familyOf, type Ip, isLoopback, sameIp } from "../../../net/ip.ts";
import type { NodePlan } from "../../dataplane.ts";
import type { Decider, DecisionState, Watch } from "../decider.ts";
import type { Packet } from "../packet.ts";
import { decideByWays, type InterfaceOf, newPacket, type Walker, type WayEnd, type Ways } from "../ways.ts";
import { prepareChains, type PreparedChain, type PreparedRule } from "./chains.ts";
import type { Outcome } from "./statements.ts";
import { waysThrough } from "./ways-through.ts";

/** How a chain ended for the packet. */
type Ending = WayEnd | "accept";

const families: Partial<Record<TableFamily, Family>> = { ip: 4, ip6: 6 };

/**
 * Makes the tables of both families ready to decide. A packet goes by the same hooks as in `prepareIptables`.
 *
 * A decision costs O(rules on the way): services are looked up in maps.
 *
 * @throws {SluiceError} RULESET_UNKNOWN_CHAIN, RULESET_LOOP; DATAPLANE_FAILED for what is not emulated.
 */
export function prepareNftables(
  { tables }: NftablesRuleset,
  plan: NodePlan,
  state: DecisionState,
  interfaceOf: InterfaceOf = () => "",
): Decider {
  const isLocal = (ip: Ip): boolean => isLoopback(ip) || plan.nodeAddresses.some((own) => sameIp(own, ip));
  const ways = new Map<Family, Ways<PreparedChain>>();
  for (const family of [4, 6] as const) {
    const own = tables.filter((table) => families[table.family] === family);
    ways.set(family, waysThrough(own.flatMap((table) => prepareChains(table, { state, isLocal }))));
  }
  const packet = newPacket();
  return decideByWays({ ways, walker: new ChainWalker(packet), packet, state, interfaceOf, isLocal });
}

class ChainWalker implements Walker<PreparedChain> {
  steps = 0;
  readonly #packet: Packet;

  constructor(packet: Packet) {
    this.#packet = packet;
  }

  pass(way: readonly PreparedChain[]): WayEnd {
    for (const chain of way) {
      const ending = this.#walk(chain);
      if (ending === "drop" || ending === "reject") return ending;
      if (ending === "through" && chain.base?.policy === "drop") return "drop";
    }
    return "through";
  }

  #walk(chain: PreparedChain): Ending {
    for (const rule of chain.rules) {
      this.steps += 1;
      const outcome = this.#meet(chain, rule);
      if (outcome === "next" || outcome === "break") continue;
      if (outcome === "return") return "through";
      if (typeof outcome === "string") return outcome;
      const ending = this.#walk(outcome.to);
      if (ending !== "through" || outcome.isGoto) return ending;
    }
    return "through";
  }

  #meet(chain: PreparedChain, rule: PreparedRule): Outcome<PreparedChain> {
    const packet = this.#packet;
    let outcome: Outcome<PreparedChain> = "next";
    for (const statement of rule.statements) {
      outcome = statement(packet);
      if (outcome !== "next") break;
    }
    packet.watch?.step?.(stepOf(chain, rule, packet, outcome));
    return outcome;
  }
}

function stepOf(
  { where }: PreparedChain,
  { source }: PreparedRule,
  { dst }: Packet,
  outcome: Outcome<PreparedChain>,
): Parameters<NonNullable<Watch["step"]>>[0] {
  const rule = ruleText(source, syntaxOf("listed", familyOf(dst) === 4 ? "ip" : "ip6"));
  const matched = outcome !== "break";
  if (typeof outcome !== "string") {
    return { where, rule, matched, effect: `${outcome.isGoto ? "goto" : "jump"} ${outcome.to.name}` };
  }
  return { where, rule, matched, effect: outcome === "next" ? "continue" : matched ? outcome : "" };
}
