import type { Program } from "../../modes/program.ts";
import type { NodePlan } from "../dataplane.ts";
import type { Decider, DecisionState } from "./decider.ts";
import { prepareIptables } from "./iptables.ts";
import type { InterfaceOf } from "./ways.ts";
import { prepareNftables } from "./nftables/nftables.ts";
import { prepareIpvs } from "./pooled-ipvs.ts";
import { prepareUserspace } from "./userspace.ts";

/**
 * Makes the program of any mode ready to decide. `state.pool` must know every pool of the program when the first flow
 * is decided.
 *
 * @param interfaceOf for rules that look at the incoming interface. @default nobody knows it: no such rule holds
 * @throws {SluiceError} RULESET_UNKNOWN_CHAIN, RULESET_LOOP; DATAPLANE_FAILED for what is not emulated.
 */
export function prepareDecider(
  program: Program,
  plan: NodePlan,
  state: DecisionState,
  interfaceOf?: InterfaceOf,
): Decider {
  switch (program.mode) {
    case "iptables":
      return prepareIptables(program.rulesets, plan, state, interfaceOf);
    case "nftables":
      return prepareNftables(program.ruleset, plan, state, interfaceOf);
    case "ipvs":
      return prepareIpvs(program.tables, state);
    case "userspace":
      return prepareUserspace(program.table, plan, state);
  }
}
