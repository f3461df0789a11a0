import type { ClusterSnapshot } from "../cluster/state.ts";
import type { Dataplane, NodePlan } from "../dataplane/dataplane.ts";
import { createModelBuilder } from "../model/build.ts";
import type { Model } from "../model/model.ts";
import { createProgramCompiler, type ProgramOptions } from "../modes/compile.ts";
import type { Mode, Program } from "../modes/program.ts";
import { changesFor, type ServicePortChange } from "./changes.ts";
import { createNodePlanner } from "./plan.ts";

export interface AgentOptions {
  readonly mode: Mode;
  readonly programOptions: ProgramOptions;
  readonly dataplane: Dataplane;
  /** What is known of this host besides its Node object. @default the model as the cluster means it */
  readonly viewModel?: (model: Model) => Model;
  /** Settings of the kernel. @default those that the program's packets need */
  readonly host?: Pick<NodePlan, "sysctls" | "conntrackBuckets">;
}

/** What came of bringing a snapshot into force. */
export interface Synced {
  readonly snapshot: ClusterSnapshot;
  readonly plan: NodePlan;
  readonly model: Model;
  readonly program: Program;
  /** What is different from the sync before; undefined after the first one. */
  readonly changes: readonly ServicePortChange[] | undefined;
}

/** The proxy as a loop: cluster change → model → program → apply. */
export interface Agent {
  /**
   * Brings a snapshot into force. One sync runs at a time; of the snapshots that come meanwhile only the last one is
   * brought into force, and all their callers hear of that.
   *
   * @param nodeName the Node that this is, as `chooseOwnNode` says; another snapshot may say otherwise.
   * @throws whatever compiling or applying throws; what was in force before still is.
   */
  sync(snapshot: ClusterSnapshot, nodeName: string): Promise<Synced>;
}

/** Settings that the rules rest on depend on the node's addresses, which no configuration knows. */
function withHost(plan: NodePlan, host: AgentOptions["host"]): NodePlan {
  if (host === undefined) return plan;
  const { sysctls = [] } = host;
  const missing = (plan.sysctls ?? []).filter(({ path }) => sysctls.every((one) => one.path !== path));
  return { ...plan, ...host, sysctls: [...sysctls, ...missing] };
}

interface Given {
  readonly snapshot: ClusterSnapshot;
  readonly nodeName: string;
}

export function createAgent(options: AgentOptions): Agent {
  const { mode, programOptions, dataplane, viewModel = (model) => model, host } = options;
  const build = createModelBuilder({ withUserspace: mode === "userspace" });
  let compile = createProgramCompiler(mode, programOptions);
  const planNode = createNodePlanner(mode, programOptions);
  let inForce: Model | undefined;
  let programInForce: Program | undefined;
  let running: Promise<unknown> = Promise.resolve();
  let waiting: { given: Given; readonly synced: Promise<Synced> } | undefined;

  const bringIntoForce = async ({ snapshot, nodeName }: Given): Promise<Synced> => {
    const model = viewModel(build(snapshot, nodeName));
    const plan = withHost(planNode(model), host);
    const program = compile(model, programInForce);
    try {
      await dataplane.apply(program, plan);
    } catch (error) {
      // What comes next is written as a whole, and is to owe nothing to how it came about.
      compile = createProgramCompiler(mode, programOptions);
      throw error;
    }
    programInForce = program;
    const before = inForce;
    inForce = model;
    return {
      snapshot,
      plan,
      model,
      program,
      // Not everybody asks, and to find out takes a walk over all service ports.
      get changes() {
        return before && changesFor(mode, before, model);
      },
    };
  };

  return {
    sync(snapshot, nodeName) {
      const given = { snapshot, nodeName };
      if (waiting !== undefined) {
        waiting.given = given;
        return waiting.synced;
      }
      const synced = running.then(() => {
        const latest = waiting!.given;
        waiting = undefined;
        return bringIntoForce(latest);
      });
      waiting = { given, synced };
      running = synced.catch(() => {});
      return synced;
    },
  };
}
