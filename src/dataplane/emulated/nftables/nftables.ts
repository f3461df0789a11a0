import { ruleText } from "../../../modes/nftables/render-statement.ts";
import type { NftablesRuleset, TableFamily } from "../../../modes/nftables/ruleset.ts";
import { syntaxOf } from "../../../modes/nftables/syntax.ts";
import type { Flow } from "../../../net/flow.ts";
import { type Family, familyOf, type Ip, type Ip4, isLoopback, sameIp } from "../../../net/ip.ts";
import type { NodePlan } from "../../dataplane.ts";
import type { Decider, DecisionState, FlowDecision, Watch } from "../decider.ts";
import type { InterfaceOf } from "../iptables.ts";
import type { Packet } from "../packet.ts";
import { prepareChains, type PreparedChain, type PreparedRule } from "./chains.ts";
import type { Outcome } from "./statements.ts";
import { type Way, type Ways, waysThrough } from "./ways.ts";

/** How a chain ended for the packet. */
type Ending = "through" | "accept" | "drop" | "reject";

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
  const ways = new Map<Family, Ways>();
  for (const family of [4, 6] as const) {
    const own = tables.filter((table) => families[table.family] === family);
    ways.set(family, waysThrough(own.flatMap((table) => prepareChains(table, { state, isLocal }))));
  }
  const walker = new Walker(interfaceOf, isLocal);
  return {
    decide: (flow, _attempt, watch) => walker.decide(ways.get(familyOf(flow.dst))!, flow, state.clock.nowMs(), watch),
  };
}

/** One walk at a time: its packet and counts are used again by the next. */
class Walker {
  readonly #interfaceOf: InterfaceOf;
  readonly #isLocal: (ip: Ip) => boolean;
  readonly #packet: Packet = {
    proto: 6,
    src: 0 as Ip4,
    dst: 0 as Ip4,
    dstPort: 0,
    mark: 0,
    dnat: false,
    snat: false,
    inInterface: "",
    nowMs: 0,
    watch: undefined,
  };
  #steps = 0;

  constructor(interfaceOf: InterfaceOf, isLocal: (ip: Ip) => boolean) {
    this.#interfaceOf = interfaceOf;
    this.#isLocal = isLocal;
  }

  decide(ways: Ways, flow: Flow, nowMs: number, watch: Watch | undefined): FlowDecision {
    const isOwn = this.#isLocal(flow.src);
    const packet = this.#packet;
    packet.proto = flow.proto;
    packet.src = flow.src;
    packet.dst = flow.dst;
    packet.dstPort = flow.dstPort;
    packet.mark = 0;
    packet.dnat = false;
    packet.snat = false;
    packet.inInterface = isOwn ? "" : this.#interfaceOf(flow.src);
    packet.nowMs = nowMs;
    packet.watch = watch;
    this.#steps = 0;

    const ending = isOwn ? this.#send(ways) : this.#receive(ways);
    const steps = this.#steps;
    if (ending !== "through") return { verdict: ending, steps };
    if (!packet.dnat) return { verdict: "pass", steps };
    return { verdict: "forward", to: { ip: packet.dst, port: packet.dstPort }, masquerade: packet.snat, steps };
  }

  #receive(ways: Ways): Exclude<Ending, "accept"> {
    const ending = this.#pass(ways.arriving);
    if (ending !== "through") return ending;
    return this.#pass(this.#isLocal(this.#packet.dst) ? ways.delivered : ways.forwarded);
  }

  #send(ways: Ways): Exclude<Ending, "accept"> {
    const ending = this.#pass(ways.leaving);
    if (ending !== "through" || !this.#isLocal(this.#packet.dst)) return ending;
    return this.#pass(ways.looped);
  }

  #pass(way: Way): Exclude<Ending, "accept"> {
    for (const chain of way) {
      const ending = this.#walk(chain);
      if (ending === "drop" || ending === "reject") return ending;
      if (ending === "through" && chain.base?.policy === "drop") return "drop";
    }
    return "through";
  }

  #walk(chain: PreparedChain): Ending {
    for (const rule of chain.rules) {
      this.#steps += 1;
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
