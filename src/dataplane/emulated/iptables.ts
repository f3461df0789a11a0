import { assertNever } from "../../core/errors.ts";
import type { IptablesRuleset } from "../../modes/iptables/ruleset.ts";
import type { Flow, SocketAddr } from "../../net/flow.ts";
import { type Family, familyOf, type Ip, type Ip4, isLoopback, sameIp } from "../../net/ip.ts";
import type { NodePlan } from "../dataplane.ts";
import type { Decider, DecisionState, FlowDecision, Watch } from "./decider.ts";
import { everyRule } from "./every-rule.ts";
import { type PreparedChain, type PreparedRule, prepareTable, ruleHolds } from "./iptables-chains.ts";
import { policyStep, ruleStep } from "./iptables-steps.ts";
import { prepareWays, type Way, type Ways } from "./iptables-ways.ts";
import { candidates, type Section } from "./netfilter/iptables/sections.ts";
import { markedBy, type Packet } from "./packet.ts";

/** Which interface packets of a source come in by. */
export type InterfaceOf = (source: Ip) => string;

/** How a chain ended for the packet. */
type Ending = "through" | "accept" | "drop" | "reject";

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
  const families = new Map<Family, Ways>(
    rulesets.map(({ family, tables }) => [
      family,
      prepareWays(new Map(tables.map((table) => [table.name, prepareTable(table, context)]))),
    ]),
  );
  const walker = new Walker(plan, interfaceOf, isLocal);
  return {
    decide(flow, _attempt, watch) {
      const ways = families.get(familyOf(flow.dst));
      if (ways === undefined) return { verdict: "pass", steps: 0 };
      return walker.decide(ways, flow, state.clock.nowMs(), watch);
    },
  };
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

/** One walk at a time: its packet and counts are used again by the next. */
class Walker {
  readonly #plan: NodePlan;
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

  constructor(plan: NodePlan, interfaceOf: InterfaceOf, isLocal: (ip: Ip) => boolean) {
    this.#plan = plan;
    this.#interfaceOf = interfaceOf;
    this.#isLocal = isLocal;
  }

  decide(ways: Ways, flow: Flow, nowMs: number, watch: Watch | undefined): FlowDecision {
    const ours = this.#isLocal(flow.src);
    const packet = this.#packet;
    packet.proto = flow.proto;
    packet.src = flow.src;
    packet.dst = flow.dst;
    packet.dstPort = flow.dstPort;
    packet.mark = 0;
    packet.dnat = false;
    packet.snat = false;
    packet.inInterface = ours ? "" : this.#interfaceOf(flow.src);
    packet.nowMs = nowMs;
    packet.watch = watch;
    this.#steps = 0;

    const ending = ours ? this.#send(ways) : this.#receive(ways);
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
      this.#steps += 1;
      const ending = this.#meet(chain, chain.rules[at]!);
      if (ending !== "next") return ending;
    }
    return "next";
  }

  #some(chain: PreparedChain, { start, end }: Section, places: readonly number[]): Ending | "next" | "return" {
    let passed = start;
    for (const at of places) {
      this.#steps += at + 1 - passed;
      passed = at + 1;
      const ending = this.#meet(chain, chain.rules[at]!);
      if (ending !== "next") return ending;
    }
    this.#steps += end - passed;
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
