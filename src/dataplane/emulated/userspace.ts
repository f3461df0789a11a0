import type { Forward, ForwardTable } from "../../modes/userspace/forward-table.ts";
import { createAddrIndex } from "./addr-index.ts";
import type { Decider, DecisionState } from "./decider.ts";
import { decideByPool, noService, type PoolService } from "./pool-decision.ts";
import { forwardSteps } from "./pool-steps.ts";

/**
 * Makes forwards ready to decide: a flow goes to the forward that has a portal at its destination, whose endpoints
 * take turns. A further try passes over the client's affinity and overwrites it.
 *
 * The proxy makes a connection of its own to the endpoint, which so sees the node: `masquerade` is always true. A
 * forward without endpoints accepts and closes without data: that is `drop` here, silence for UDP.
 */
export function prepareUserspace({ forwards }: ForwardTable, state: DecisionState): Decider {
  const services = createAddrIndex(
    forwards.flatMap((forward) => {
      const value = serviceOf(forward);
      return forward.portals.map(({ addr }) => ({ proto: forward.proto, addr, value }));
    }),
  );
  return {
    decide(flow, attempt, watch) {
      const service = services.find(flow);
      return service === undefined ? noService : decideByPool(service, flow, attempt > 0, state, watch);
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
