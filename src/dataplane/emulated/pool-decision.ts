import type { BackendSet } from "../../balancers/backend-set.ts";
import { NO_BACKEND } from "../../balancers/balancer.ts";
import type { Flow, SocketAddr } from "../../net/flow.ts";
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
  /** For a trace; called before the pick. @param addrOf the address in a listed slot. */
  stepsOf(set: BackendSet, addrOf: (slot: number) => SocketAddr): StepsOf;
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
  const traced = watch?.step !== undefined;
  const stepsOf = traced ? service.stepsOf(found.pool.set, (slot) => found.addrs[slot]!) : undefined;
  const decision = pick(service, found, flow, fresh, state.clock.nowMs());
  const chosen = decision.verdict === "forward" ? decision.counted?.slot : undefined;
  for (const step of stepsOf?.(decision.verdict, chosen) ?? []) watch?.step?.(step);
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
