import { NO_BACKEND } from "../../balancers/balancer.ts";
import type { Flow } from "../../net/flow.ts";
import type { DecisionState, FlowDecision, ServicePool, Watch } from "./decider.ts";
import type { StepsOf } from "./pool-steps.ts";

/** A service whose flows go to a pool. */
export interface PoolService {
  /** Of its pool. */
  readonly key: string;
  /** Whether the endpoint sees the node in the client's place. */
  readonly masquerade: boolean;
  /** What happens when no endpoint may take the flow. */
  readonly none: "drop" | "reject";
  /** For a trace; called before the pick. */
  stepsOf(pool: ServicePool): StepsOf;
}

/** Looking up the destination is the one step: what the scheduler looks at is not counted. */
const STEPS = 1;

/** Decides a flow of no service. */
export const noService: FlowDecision = Object.freeze({ verdict: "pass", steps: STEPS });

/** Picks from the pool of a service, and counts the pick as open. @param fresh passes over the client's affinity. */
export function decideByPool(
  service: PoolService,
  flow: Flow,
  fresh: boolean,
  state: DecisionState,
  watch: Watch | undefined,
): FlowDecision {
  const found = state.pool(service.key)!;
  const stepsOf = watch?.step === undefined ? undefined : service.stepsOf(found);
  const decision = pick(service, found, flow, fresh, state.clock.nowMs());
  for (const step of stepsOf?.(decision) ?? []) watch?.step?.(step);
  return decision;
}

function pick(
  { masquerade, none }: PoolService,
  { pool, addrs }: ServicePool,
  flow: Flow,
  fresh: boolean,
  nowMs: number,
): FlowDecision {
  const slot = pool.choose(flow, nowMs, fresh);
  if (slot === NO_BACKEND) return { verdict: none, steps: STEPS };
  return { verdict: "forward", to: addrs[slot]!, masquerade, steps: STEPS, counted: { pool, slot } };
}
