import { assertNever } from "../../core/errors.ts";
import type { IptablesRuleset } from "../../modes/iptables/ruleset.ts";
import type { SocketAddr } from "../../net/flow.ts";
import { type Family, familyOf, type Ip, type Ip4, isLoopback, sameIp } from "../../net/ip.ts";
import type { NodePlan } from "../dataplane.ts";
import type { Decider, DecisionState } from "./decider.ts";
import { everyRule } from "./every-rule.ts";
import { type PreparedChain, type PreparedRule, prepareTable, ruleHolds } from "./iptables-chains.ts";
import { policyStep, ruleStep } from "./iptables-steps.ts";
import { prepareWays } from "./iptables-ways.ts";
import { candidates, type Section } from "./netfilter/iptables/sections.ts";
import { markedBy, type Packet } from "./packet.ts";
import { decideByWays, type InterfaceOf, newPacket, type Walker, type WayEnd, type Ways } from "./ways.ts";

/** How a chain ended for the packet. */
type Ending = WayEnd | "accept";

/**
 * Makes the rules of both families ready to decide. A packet whose source is the node's goes out by OUTPUT, any other
 * comes in by PREROUTING; behind nat it goes to INPUT or FORWARD by its new destination, then to POSTROUTING.
 *
 * A decision costs O(chains on the way): rules that ask for one destination or port are looked up, and all are counted
 * as passed. Whoever watches steps has each rule looked at, at some 6 ns a rule of the long chains.
 *
 * @throws {SluiceError} RULESET_UNKNOWN_CHAIN, RULESET_LOOP; DATAPLANE_FAILED for what is not emulated.
 */
export function prepareIptables(
  rulesets: readonly IptablesRuleset[],
  plan: NodePlan,
  state: DecisionState,
  interfaceOf: InterfaceOf = () => "",
): Decider {
  const isLocal = (ip: Ip): boolean => isLoopback(ip) || plan.nodeAddresses.some((own) => sameIp(own, ip));
  const context = { state, isLocal, lookBackSeconds: lookBacks(rulesets) };
  const families = new Map<Family, Ways<PreparedChain>>(
    rulesets.map(({ family, tables }) => [
      family,
      prepareWays(new Map(tables.map((table) => [table.name, prepareTable(table, context)]))),
    ]),
  );
  const packet = newPacket();
  const walker = new ChainWalker(plan, packet, isLocal);
  return decideByWays({ ways: families, walker, packet, state, interfaceOf, isLocal });
}

function lookBacks(rulesets: readonly IptablesRuleset[]): (list: string) => number {
  const longest = new Map<string, number>();
  for (const { matches } of everyRule(rulesets)) {
    for (const match of matches) {
      if (match.kind !== "recent-check") continue;
      longest.set(match.list, Math.max(longest.get(match.list) ?? 0, match.seconds));
    }
  }
  return (list) => longest.get(list) ?? 0;
}

class ChainWalker implements Walker<PreparedChain> {
  steps = 0;
  readonly #plan: NodePlan;
  readonly #packet: Packet;
  readonly #isLocal: (ip: Ip) => boolean;

  constructor(plan: NodePlan, packet: Packet, isLocal: (ip: Ip) => boolean) {
    this.#plan = plan;
    this.#packet = packet;
    this.#isLocal = isLocal;
  }

  pass(way: readonly PreparedChain[]): WayEnd {
    for (const chain of way) {
      const ending = this.#walk(chain);
      if (ending === "drop" || ending === "reject") return ending;
      if (ending === "accept" || chain.policy === "ACCEPT") continue;
      this.#packet.watch?.step?.(policyStep(chain));
      return "drop";
    }
    return "through";
  }

  #walk(chain: PreparedChain): Ending {
    for (const section of chain.sections) {
      // Whoever watches sees each rule; otherwise those are passed over that cannot apply, and counted.
      const some = this.#packet.watch?.step === undefined ? candidates(section, this.#packet) : undefined;
      const ending = some === undefined ? this.#all(chain, section) : this.#some(chain, section, some);
      if (ending === "next") continue;
      return ending === "return" ? "through" : ending;
    }
    return "through";
  }

  #all(chain: PreparedChain, { start, end }: Section): Ending | "next" | "return" {
    for (let at = start; at < end; at += 1) {
      this.steps += 1;
      const ending = this.#meet(chain, chain.rules[at]!);
      if (ending !== "next") return ending;
    }
    return "next";
  }

  #some(chain: PreparedChain, { start, end }: Section, places: readonly number[]): Ending | "next" | "return" {
    let passed = start;
    for (const at of places) {
      this.steps += at + 1 - passed;
      passed = at + 1;
      const ending = this.#meet(chain, chain.rules[at]!);
      if (ending !== "next") return ending;
    }
    this.steps += end - passed;
    return "next";
  }

  #meet(chain: PreparedChain, rule: PreparedRule): Ending | "next" | "return" {
    const packet = this.#packet;
    const holds = ruleHolds(rule, packet);
    packet.watch?.step?.(ruleStep(chain, rule, packet, holds));
    return holds ? this.#act(rule) : "next";
  }

  #act({ target, to }: PreparedRule): Ending | "next" | "return" {
    if (target === undefined) return "next";
    switch (target.kind) {
      case "jump": {
        const ending = this.#walk(to!);
        return ending === "through" ? "next" : ending;
      }
      case "goto":
        return this.#walk(to!);
      case "accept":
      case "drop":
      case "reject":
      case "return":
        return target.kind;
      case "mark":
        this.#packet.mark = markedBy(this.#packet.mark, target);
        return "next";
      case "masquerade":
        this.#packet.snat = true;
        return "accept";
      case "dnat":
        return this.#rewrite(target.to);
      case "redirect":
        return this.#rewrite({ ip: this.#ownAddress(), port: target.port });
      default:
        return assertNever(target);
    }
  }

  #rewrite({ ip, port }: SocketAddr): "accept" {
    const packet = this.#packet;
    packet.dst = ip;
    if (port !== 0) packet.dstPort = port;
    packet.dnat = true;
    return "accept";
  }

  /** Where REDIRECT leads: loopback for the node's own packets, else the node's first address of the family. */
  #ownAddress(): Ip {
    const { src } = this.#packet;
    const family = familyOf(src);
    const loopback: Ip = family === 4 ? (0x7f00_0001 as Ip4) : { w0: 0, w1: 0, w2: 0, w3: 1 };
    if (this.#isLocal(src)) return loopback;
    return this.#plan.nodeAddresses.find((ip) => familyOf(ip) === family) ?? loopback;
  }
}
