import { manualClock } from "../../core/clock.ts";
import { seededRandom } from "../../core/random.ts";
import type { NodePlan } from "../../dataplane/dataplane.ts";
import { createNodeState } from "../../dataplane/emulated/node-state.ts";
import { createPoolKeeper } from "../../dataplane/emulated/pools.ts";
import { prepareDecider } from "../../dataplane/emulated/prepare-decider.ts";
import type { Program } from "../../modes/program.ts";
import type { Flow } from "../../net/flow.ts";

/**
 * Makes a program ready to decide first packets and nothing else: no flow is remembered, no connection ends.
 *
 * @param flows at least one; they take turns. @param seed of the random picks.
 * @returns decides so many, and says how many rules and entries they passed together.
 */
export function prepareDecisions(
  program: Program,
  plan: NodePlan,
  flows: readonly Flow[],
  seed: number,
): (count: number) => number {
  const random = seededRandom(seed);
  const state = createNodeState(random, manualClock());
  const keeper = createPoolKeeper({ threads: 1, shared: false, random });
  state.use(program, keeper.prepare(program));
  keeper.commit();
  const decider = prepareDecider(program, plan, state.decisions);
  return (count) => {
    let steps = 0;
    for (let at = 0; at < count; at += 1) steps += decider.decide(flows[at % flows.length]!, 0).steps;
    return steps;
  };
}
