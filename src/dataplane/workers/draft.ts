import type { Program } from "../../modes/program.ts";
import type { Ip } from "../../net/ip.ts";
import type { NodePlan } from "../dataplane.ts";
import { frontendVerdicts } from "./frontend-verdicts.ts";
import { type ListenPlan, planListeners } from "./listen-plan.ts";
import type { ResolvedWorkersOptions } from "./options.ts";
import { type ForwardingPolicy, policyOf } from "./policy.ts";

/** A program and what follows from it, before any worker has heard of it. */
export interface Draft {
  readonly generation: number;
  readonly program: Program;
  readonly plan: NodePlan;
  readonly listen: ListenPlan;
  readonly policy: ForwardingPolicy;
  /** Whether every worker listens at every port. */
  readonly everywhere: boolean;
}

/** What this host can do. */
export interface Abilities {
  readonly reusePort: boolean;
  readonly ipv6: boolean;
  /** Whether an address can be bound without making it local first. */
  isLocal(ip: Ip): boolean;
}

/** @throws {SluiceError} as `prepareDecider`, for a program that cannot be decided by. */
export function createDraft(
  generation: number,
  program: Program,
  plan: NodePlan,
  options: ResolvedWorkersOptions,
  { reusePort, ipv6, isLocal }: Abilities,
): Draft {
  const policy = policyOf(program.mode, options);
  const listen = planListeners(plan, frontendVerdicts(program, plan), { ...options, ipv6, isLocal });
  return { generation, program, plan, listen, policy, everywhere: reusePort && !policy.oneAtATime };
}
