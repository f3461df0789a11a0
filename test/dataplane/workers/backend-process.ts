/** Backends in processes of their own. */
import { fileURLToPath } from "node:url";
import { startCommand } from "../../../src/host/exec.ts";
import { threadFile } from "../../../src/host/thread-file.ts";
import type { SocketAddr } from "../../../src/net/flow.ts";
import { parseIp } from "../../../src/net/ip.ts";
import { until } from "./peers.ts";

/** `echo` sends back what it gets; `slow` does, far more slowly than a client sends. */
export type BackendKind = "echo" | "slow";

export interface BackendProcess {
  readonly addr: SocketAddr;
  /** Stops it where it is: its kernel still answers for it, until its buffers are full. */
  freeze(): void;
  thaw(): void;
  /** Ends it as nothing in it does, and waits until it is gone. Safe to call twice. */
  kill(): Promise<void>;
}

export async function startBackend(kind: BackendKind): Promise<BackendProcess> {
  const program = fileURLToPath(threadFile(import.meta.url, "backend-program"));
  const command = startCommand([process.execPath, program, kind]);
  await until(() => command.stdout().includes("\n") || command.ended);
  if (command.ended) throw new Error(`no backend: ${command.stderr()}`);
  const signal = (name: NodeJS.Signals): void => void process.kill(command.pid!, name);
  return {
    addr: { ip: parseIp("127.0.0.1"), port: Number(command.stdout()) },
    freeze: () => signal("SIGSTOP"),
    thaw: () => signal("SIGCONT"),
    kill: async () => void (await command.stop("SIGKILL")),
  };
}
