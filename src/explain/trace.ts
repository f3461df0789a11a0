import { manualClock } from "../core/clock.ts";
import { seededRandom } from "../core/random.ts";
import type { Decision, NodePlan } from "../dataplane/dataplane.ts";
import type { Decider, Step } from "../dataplane/emulated/decider.ts";
import type { InterfaceOf } from "../dataplane/emulated/iptables.ts";
import { createNodeState } from "../dataplane/emulated/node-state.ts";
import { plainDecision } from "../dataplane/emulated/plain-decision.ts";
import { createPoolKeeper } from "../dataplane/emulated/pools.ts";
import { prepareDecider } from "../dataplane/emulated/prepare-decider.ts";
import type { Mode, Program } from "../modes/program.ts";
import type { ForwardTable } from "../modes/userspace/forward-table.ts";
import type { Flow } from "../net/flow.ts";
import { sameIp } from "../net/ip.ts";
import { type DecideAside, type Outcome, outcomesOf } from "./outcomes.ts";

/** Where a packet goes, by which rules, and where else it might have gone. */
export interface Trace {
  readonly mode: Mode;
  readonly flow: Flow;
  /** Of this one walk. */
  readonly decision: Decision;
  /** What the walk met, in order. */
  readonly steps: readonly Step[];
  /** Everything that may become of such a packet; the probabilities add up to 1. */
  readonly outcomes: readonly Outcome[];
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
  const random = seededRandom(seed);
  const state = createNodeState(random, manualClock());
  const keeper = createPoolKeeper({ threads: 1, shared: false, random });
  state.use(program, keeper.prepare(program));
  keeper.commit();
  const decider: Decider = prepareDecider(program, plan, state.decisions, interfaceOf);
  const decide: DecideAside = (source, watch) =>
    state.aside(source, () => plainDecision(decider.decide(flow, 0, watch)));

  const steps: Step[] = [];
  const decision = decide(random, { step: (step) => steps.push(step) });
  return { mode: program.mode, flow, decision, steps, outcomes: allOutcomes(program, flow, decision, decide) };
}

function allOutcomes(program: Program, flow: Flow, decision: Decision, decide: DecideAside): readonly Outcome[] {
  const turns = program.mode === "userspace" && decision.verdict === "forward";
  return turns ? shuffledOutcomes(program.table, flow) : outcomesOf(decide);
}

/** The list of endpoints was shuffled: each is as likely as any other to be the first. */
function shuffledOutcomes({ forwards }: ForwardTable, { proto, dst, dstPort }: Flow): readonly Outcome[] {
  const { endpoints } = forwards.find(
    (forward) =>
      forward.proto === proto && forward.portals.some(({ addr }) => addr.port === dstPort && sameIp(addr.ip, dst)),
  )!;
  return endpoints.map((to) => ({ verdict: "forward", to, masquerade: true, probability: 1 / endpoints.length }));
}
