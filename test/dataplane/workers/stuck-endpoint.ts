import { once } from "node:events";
import { connect } from "node:net";
import { Worker } from "node:worker_threads";
import { threadFile } from "../../../src/host/thread-file.ts";
import type { SocketAddr } from "../../../src/net/flow.ts";
import { parseIp } from "../../../src/net/ip.ts";

/** An address that answers no SYN. */
export interface StuckEndpoint {
  readonly addr: SocketAddr;
  close(): Promise<void>;
}

/** More than the kernel queues for a listener of backlog 1. */
const FILLERS = 4;

export async function stuckEndpoint(): Promise<StuckEndpoint> {
  const thread = new Worker(threadFile(import.meta.url, "stuck-endpoint-thread"));
  const [port] = (await once(thread, "message")) as [number];
  const fillers = Array.from({ length: FILLERS }, () => connect({ host: "127.0.0.1", port }));
  for (const filler of fillers) filler.on("error", () => {});
  await once(fillers[0]!, "connect");
  return {
    addr: { ip: parseIp("127.0.0.1"), port },
    async close() {
      for (const filler of fillers) filler.destroy();
      await thread.terminate();
    },
  };
}
