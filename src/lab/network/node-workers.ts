import { SluiceError } from "../../core/errors.ts";
import type { NodePlan } from "../../dataplane/dataplane.ts";
import type { WorkersOptions } from "../../dataplane/workers/options.ts";
import { threadFile } from "../../host/thread-file.ts";
import { startThread } from "../../measure/thread.ts";
import type { Program } from "../../modes/program.ts";
import { noTrouble, type ServingDataplane, type ServingStatus } from "../open-subjects.ts";

/** What the workers dataplane of a node is asked. */
export type NodeWorkersRequest =
  | { readonly kind: "apply"; readonly program: Program; readonly plan: NodePlan }
  | { readonly kind: "status" }
  | { readonly kind: "close" };

/** What it answers, one thing each. */
export type NodeWorkersReply =
  | { readonly kind: "status"; readonly status: ServingStatus }
  | { readonly kind: "failed"; readonly what: string };

/** Worker threads in a node of ours, in a process of their own there, at the services' own virtual addresses. */
export function createNodeWorkers(netns: string, options: Omit<WorkersOptions, "log">): ServingDataplane {
  const workerData = { ...options, bind: "cluster-ips" } satisfies WorkersOptions;
  const file = threadFile(import.meta.url, "node-workers-thread");
  const thread = startThread<NodeWorkersRequest, NodeWorkersReply>(file, { workerData, netns });
  let last: ServingStatus = { engine: "", placement: "", listeners: [], notEmulated: [], counters: noTrouble };
  const ask = async (request: NodeWorkersRequest): Promise<void> => {
    const answer = thread.next();
    thread.tell(request);
    const reply = await answer;
    if (reply.kind === "failed") {
      const details = { dataplane: "workers", what: reply.what };
      throw new SluiceError("DATAPLANE_FAILED", `workers in ${netns}: ${reply.what}`, details);
    }
    last = reply.status;
  };
  return {
    name: "workers",
    apply: (program, plan) => ask({ kind: "apply", program, plan }),
    async status() {
      await ask({ kind: "status" });
      return last;
    },
    close() {
      thread.tell({ kind: "close" });
      return thread.ended;
    },
  };
}
