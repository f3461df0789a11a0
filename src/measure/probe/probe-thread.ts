import { parentPort } from "node:worker_threads";
import type { LoadTarget } from "../load/task.ts";
import type { ProbeSample, ProbeTask } from "./probe.ts";
import { type RunningProbe, startProbe } from "./run-probe.ts";

export type ProbeRequest =
  | { readonly kind: "run"; readonly task: ProbeTask }
  | { readonly kind: "aim"; readonly targets: readonly LoadTarget[] }
  | { readonly kind: "stop" | "close" };

export interface ProbeReply {
  readonly sample: ProbeSample;
}

const port = parentPort!;
let running: RunningProbe | undefined;
port.on("message", (request: ProbeRequest) => {
  if (request.kind === "run") {
    running = startProbe(request.task);
    void running.ended.then((sample) => port.postMessage({ sample } satisfies ProbeReply));
  } else if (request.kind === "aim") running?.aim(request.targets);
  else {
    running?.stop();
    if (request.kind === "close") port.close();
  }
});
