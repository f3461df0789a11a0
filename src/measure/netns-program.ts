/** A program: the process of one thread. It passes on what the thread and whoever started the process say to each other. */
import type { HostReply, HostRequest } from "./netns-thread.ts";
import { startOwnThread, type Thread } from "./thread.ts";

const reply = (message: HostReply): void => void process.send!(message, undefined, undefined, () => {});
let thread: Thread<unknown, unknown> | undefined;

// Whoever started us is gone, or needs us no more.
process.on("disconnect", () => process.exit());
process.on("message", (request: HostRequest) => {
  if (request.kind === "start") void host(new URL(request.file), request.workerData);
  else if (request.kind === "tell") thread!.tell(request.request);
  else void thread!.busyShare().then((share) => reply({ kind: "busy", share }));
});

async function host(file: URL, workerData: unknown): Promise<void> {
  const started = startOwnThread<unknown, unknown>(file, { workerData });
  thread = started;
  void started.ended.then(() => process.disconnect());
  try {
    for (;;) reply({ kind: "said", reply: await started.next() });
  } catch (error) {
    reply({ kind: "failed", message: (error as Error).message });
  }
}
