/** Many clients in a process of their own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { threadFile } from "../../../src/host/thread-file.ts";
import type { SocketAddr } from "../../../src/net/flow.ts";
import { formatIp } from "../../../src/net/ip.ts";

/** What came of them. */
export interface CrowdReport {
  readonly opened: number;
  /** Answers that were not what was said. */
  readonly wrong: number;
  /** Connections that ended before their client ended them. */
  readonly ended: number;
}

interface CrowdSize {
  readonly idle: number;
  readonly active: number;
  /** How often each active one asks. */
  readonly rounds: number;
}

interface Crowd {
  /** Has the active ones come and go, and hears every idle one once more. */
  finish(): Promise<CrowdReport>;
  kill(): void;
}

/** Starts them; resolves when all idle ones are open, and each has been answered once. */
export async function startCrowd(to: SocketAddr, { idle, active, rounds }: CrowdSize): Promise<Crowd> {
  const program = fileURLToPath(threadFile(import.meta.url, "crowd-program"));
  const words = [formatIp(to.ip), to.port, idle, active, rounds].map(String);
  const child = spawn(process.execPath, [program, ...words], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error("the crowd has ended");
    return value;
  };
  await next();
  return {
    async finish() {
      const exited = once(child, "exit");
      child.stdin.write("go\n");
      const report = JSON.parse(await next()) as CrowdReport;
      await exited;
      return report;
    },
    kill: () => void child.kill("SIGKILL"),
  };
}
