import { systemClock } from "../../core/clock.ts";
import { chooseEngine } from "./choose-engine.ts";
import { viewTally } from "./counters.ts";
import type { Engine, FlowRouter } from "./engine.ts";
import type { WorkerStart } from "./messages.ts";
import { createNativeEngine } from "./native-engine/native-engine.ts";
import { createNodeEngine } from "./node-engine/node-engine.ts";

/** The engine that a worker was started for. @throws {SluiceError} HOST_UNABLE */
export function createEngine(
  router: FlowRouter,
  {
    engine,
    counters,
    policy,
    backlog,
    maxUdpFlows,
  }: Pick<WorkerStart, "engine" | "counters" | "policy" | "backlog" | "maxUdpFlows">,
): Engine {
  const common = { policy, backlog, maxUdpFlows };
  const chosen = chooseEngine(engine);
  if (chosen.name === "native") return createNativeEngine(chosen.addon, router, { ...common, counters });
  return createNodeEngine(router, { ...common, clock: systemClock, tally: viewTally(counters) });
}
