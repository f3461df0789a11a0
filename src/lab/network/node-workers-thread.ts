/** A thread that has the workers dataplane of a node, and does what it is asked. */
import { parentPort, workerData } from "node:worker_threads";
import type { WorkersOptions } from "../../dataplane/workers/options.ts";
import { createWorkersDataplane } from "../../dataplane/workers/workers.ts";
import type { ServingStatus } from "../open-subjects.ts";
import type { NodeWorkersReply, NodeWorkersRequest } from "./node-workers.ts";

const port = parentPort!;
const dataplane = createWorkersDataplane(workerData as WorkersOptions);
const reply = (message: NodeWorkersReply): void => port.postMessage(message);

port.on("message", (request: NodeWorkersRequest) => {
  if (request.kind === "close") {
    port.close();
    void dataplane.close();
  } else void answer(request);
});

async function answer(request: Exclude<NodeWorkersRequest, { readonly kind: "close" }>): Promise<void> {
  try {
    if (request.kind === "apply") await dataplane.apply(request.program, request.plan);
    reply({ kind: "status", status: statusNow() });
  } catch (error) {
    reply({ kind: "failed", what: (error as Error).message });
  }
}

function statusNow(): ServingStatus {
  const { engine, placement, listeners, notEmulated, counters } = dataplane.status();
  return { engine, placement, listeners, notEmulated, counters };
}
