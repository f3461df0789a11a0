import { manualClock } from "../core/clock.ts";
import { seededRandom } from "../core/random.ts";
import type { NodePlan } from "../dataplane/dataplane.ts";
import type { Decider, Step } from "../dataplane/emulated/decider.ts";
import { createForwardIndex } from "../dataplane/emulated/forward-index.ts";
import type { InterfaceOf } from "../dataplane/emulated/ways.ts";
import { createNodeState } from "../dataplane/emulated/node-state.ts";
import { plainDecision } from "../dataplane/emulated/plain-decision.ts";
import { createPoolKeeper } from "../dataplane/emulated/pools.ts";
import { prepareDecider } from "../dataplane/emulated/prepare-decider.ts";
import type { Mode, Program } from "../modes/program.ts";
import type { Forward } from "../modes/userspace/forward-table.ts";
import type { Flow } from "../net/flow.ts";
import { isLoopback, sameIp } from "../net/ip.ts";
import { notWalked } from "./not-walked.ts";
import { type DecideAside, type Outcome, outcomesOf, type TracedDecision } from "./outcomes.ts";

/** Where a packet goes, by which rules, and where else it might have gone. */
export interface Trace {
  readonly mode: Mode;
  readonly flow: Flow;
  /** Whether the packet was sent to an address of the node itself. */
  readonly toNode: boolean;
  /** Of this one walk. */
  readonly decision: TracedDecision;
  /** What the walk met, in order. */
  readonly steps: readonly Step[];
  /** Everything that may become of such a packet; the probabilities add up to 1. */
  readonly outcomes: readonly Outcome[];
  /** What decides about packets in this mode and was not walked, in words; the trace claims nothing about it. */
  readonly notWalked: readonly string[];
}

export interface TraceOptions {
  /** Of the random picks: the same seed takes the same way. */
  readonly seed: number;
  /** For rules that look at the incoming interface. @default nobody knows it: no such rule holds */
  readonly interfaceOf?: InterfaceOf;
}

/**
 * Traces the first packet of a flow through a program on a node where nothing has happened before: no affinity is
 * remembered and no connection is open.
 *
 * @throws {SluiceError} BALANCER_INVALID for a scheduler that is not there; RULESET_UNKNOWN_CHAIN, RULESET_LOOP,
 *   DATAPLANE_FAILED for rules that cannot be walked.
 */
export function traceFlow(program: Program, plan: NodePlan, flow: Flow, { seed, interfaceOf }: TraceOptions): Trace {
  const { mode } = program;
  const random = seededRandom(seed);
  const state = createNodeState(random, manualClock());
  const keeper = createPoolKeeper({ threads: 1, shared: false, random });
  state.use(program, keeper.prepare(program));
  keeper.commit();
  const decider: Decider = prepareDecider(program, plan, state.decisions, interfaceOf);
  const missing = notWalked(mode);
  const decide: DecideAside = (source, watch) => {
    const decision = state.aside(source, () => plainDecision(decider.decide(flow, 0, watch)));
    return missing.length > 0 && decision.verdict === "forward" ? { ...decision, masquerade: undefined } : decision;
  };

  const steps: Step[] = [];
  const decision = decide(random, { step: (step) => steps.push(step) });
  const toNode = isLoopback(flow.dst) || plan.nodeAddresses.some((own) => sameIp(own, flow.dst));
  const outcomes = allOutcomes(program, plan, flow, decide);
  return { mode, flow, toNode, decision, steps, outcomes, notWalked: missing };
}

function allOutcomes(program: Program, plan: NodePlan, flow: Flow, decide: DecideAside): readonly Outcome[] {
  const forward =
    program.mode === "userspace" ? createForwardIndex(program.table, plan.nodeAddresses).find(flow) : undefined;
  return forward === undefined || forward.endpoints.length === 0 ? outcomesOf(decide) : shuffledOutcomes(forward);
}

/** The list of endpoints was shuffled: each is as likely as any other to be the first. */
function shuffledOutcomes({ endpoints }: Forward): readonly Outcome[] {
  return endpoints.map((to) => ({ verdict: "forward", to, masquerade: true, probability: 1 / endpoints.length }));
}
