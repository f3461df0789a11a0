import type { ClusterSnapshot } from "../cluster/state.ts";
import type { Dataplane, NodePlan } from "../dataplane/dataplane.ts";
import { buildModel } from "../model/build.ts";
import { diffModels, type ModelDiff } from "../model/diff.ts";
import type { Model } from "../model/model.ts";
import { compileProgram, type ProgramOptions } from "../modes/compile.ts";
import type { Mode } from "../modes/program.ts";
import { planNode } from "./plan.ts";

export interface AgentOptions {
  readonly mode: Mode;
  readonly programOptions: ProgramOptions;
  readonly nodeName: string;
  readonly dataplane: Dataplane;
}

/** What came of bringing a snapshot into force. */
export interface Synced {
  readonly plan: NodePlan;
  /** What is different from the sync before; undefined after the first one. */
  readonly diff: ModelDiff | undefined;
}

/** The proxy as a loop: cluster change → model → program → apply. */
export interface Agent {
  /**
   * Brings a snapshot into force. One sync runs at a time; of the snapshots that come meanwhile only the last one is
   * brought into force, and all their callers hear of that.
   *
   * @throws whatever compiling or applying throws; what was in force before still is.
   */
  sync(snapshot: ClusterSnapshot): Promise<Synced>;
}

export function createAgent({ mode, programOptions, nodeName, dataplane }: AgentOptions): Agent {
  let inForce: Model | undefined;
  let running: Promise<unknown> = Promise.resolve();
  let waiting: { snapshot: ClusterSnapshot; readonly synced: Promise<Synced> } | undefined;

  const bringIntoForce = async (snapshot: ClusterSnapshot): Promise<Synced> => {
    const model = buildModel(snapshot, nodeName);
    const plan = planNode(model, mode);
    await dataplane.apply(compileProgram(mode, model, programOptions), plan);
    const diff = inForce && diffModels(inForce, model);
    inForce = model;
    return { plan, diff };
  };

  return {
    sync(snapshot) {
      if (waiting !== undefined) {
        waiting.snapshot = snapshot;
        return waiting.synced;
      }
      const synced = running.then(() => {
        const { snapshot: latest } = waiting!;
        waiting = undefined;
        return bringIntoForce(latest);
      });
      waiting = { snapshot, synced };
      running = synced.catch(() => {});
      return synced;
    },
  };
}
