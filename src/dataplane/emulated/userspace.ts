import type { Forward, ForwardTable } from "../../modes/userspace/forward-table.ts";
import type { NodePlan } from "../dataplane.ts";
import type { Decider, DecisionState } from "./decider.ts";
import { createForwardIndex } from "./forward-index.ts";
import { decideByPool, noService, type PoolService } from "./pool-decision.ts";
import { forwardSteps } from "./pool-steps.ts";

/**
 * Makes forwards ready to decide: a flow goes to the forward whose portal or node port is its destination, and whose
 * endpoints take turns. A further try passes over the client's affinity and overwrites it.
 *
 * The proxy makes a connection of its own to the endpoint, which so sees the node: `masquerade` is always true. A
 * forward without endpoints accepts and closes without data: that is `drop` here, silence for UDP.
 */
export function prepareUserspace(
  table: ForwardTable,
  { nodeAddresses }: Pick<NodePlan, "nodeAddresses">,
  state: DecisionState,
): Decider {
  const index = createForwardIndex(table, nodeAddresses);
  const services = new Map(table.forwards.map((forward) => [forward, serviceOf(forward)]));
  return {
    decide(flow, attempt, watch) {
      const forward = index.find(flow);
      if (forward === undefined) return noService;
      return decideByPool(services.get(forward)!, flow, attempt > 0, state, watch);
    },
  };
}

function serviceOf(forward: Forward): PoolService {
  return {
    key: forward.name,
    masquerade: true,
    none: "drop",
    stepsOf: (set, addrOf) => forwardSteps(forward, set, addrOf),
  };
}
