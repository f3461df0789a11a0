/** Where a flow may go in a cluster, over all branches of the random picks. */
import assert from "node:assert/strict";
import { planNode } from "../../../src/agent/plan.ts";
import type { ClusterObject } from "../../../src/cluster/objects.ts";
import { snapshotOf } from "../../../src/cluster/state.ts";
import type { InterfaceOf } from "../../../src/dataplane/emulated/ways.ts";
import { traceFlow } from "../../../src/explain/trace.ts";
import { buildModel } from "../../../src/model/build.ts";
import type { Model } from "../../../src/model/model.ts";
import { compileProgram, type ProgramOptions } from "../../../src/modes/compile.ts";
import type { Mode } from "../../../src/modes/program.ts";
import { type Protocol, TCP } from "../../../src/net/flow.ts";
import { flow, said } from "./literals.ts";

/** Says what becomes of a flow: `reject`, or the endpoints it may reach in order of text, ` m` where masqueraded. */
export type Reach = (from: string, to: string, proto?: Protocol) => string;

interface ReachOptions extends ProgramOptions {
  readonly mode?: Mode;
  readonly nodeName?: string;
  readonly interfaceOf?: InterfaceOf;
}

/** What `node-a` does with flows of this cluster; iptables mode unless told. */
export function reachIn(objects: readonly ClusterObject[], options: ReachOptions = {}): Reach {
  return reachOf(buildModel(snapshotOf(objects), options.nodeName ?? "node-a"), options);
}

function reachOf(model: Model, { mode = "iptables", interfaceOf, ...options }: ReachOptions = {}): Reach {
  const program = compileProgram(mode, model, options);
  const nodePlan = planNode(model, mode);
  return (from, to, proto = TCP) => {
    const traced = flow(from.includes(":") ? `[${from}]:40000` : from, to, proto);
    const { outcomes } = traceFlow(program, nodePlan, traced, { seed: 1, ...(interfaceOf && { interfaceOf }) });
    const sum = outcomes.reduce((total, { probability }) => total + probability, 0);
    assert.ok(Math.abs(sum - 1) < 1e-9, `probabilities add up to ${sum}`);
    return outcomes
      .map((outcome) => said({ ...outcome, steps: 0 }))
      .sort()
      .join(", ");
  };
}
