import { join } from "node:path";
import { exec, execOk, startCommand } from "../../src/host/exec.ts";
import { OTHER_CPU, type Subject } from "./subjects.ts";

/** Before the count: V8 compiles what runs often. */
const WARM_MS = "5000";
const COUNTED_MS = "2500";
const SLICES = 6;
/** Where the engine in C calls into JavaScript. */
const INTO_JAVASCRIPT = "sl_handle_route";

/**
 * The share of a proxy's processor time that goes into deciding in JavaScript, while it does nothing but take
 * connections, 0…1, once a slice; compiling and garbage collection in other threads are not in it.
 *
 * @returns why it is not known.
 */
export async function javascriptShare(
  subject: Subject,
  load: string,
  folder: string,
): Promise<readonly number[] | string> {
  const port = subject.ports.close;
  if (port === undefined || subject.pid === undefined) return "it takes no connections";
  const generate = (ms: string) =>
    execOk(["taskset", "-c", OTHER_CPU, load, "generate", "close", String(port), "32", "64", ms]);
  await generate(WARM_MS);
  const shares: number[] = [];
  for (let slice = 0; slice < SLICES; slice += 1) {
    const file = join(folder, "perf.data");
    const perf = startCommand(["perf", "record", "-g", "-F", "2000", "-o", file, "-p", String(subject.pid)]);
    await generate(COUNTED_MS);
    await perf.stop("SIGINT");
    const share = await readShare(file);
    if (typeof share === "string") return share;
    shares.push(share);
  }
  return shares;
}

/** @returns why it cannot be read. */
async function readShare(file: string): Promise<number | string> {
  const columns = ["--children", "--stdio", "-g", "none", "-F", "overhead_children,symbol"] as const;
  const { exitCode, stdout, stderr } = await exec(["perf", "report", "-i", file, ...columns]);
  if (exitCode !== 0) return `perf: ${stderr.trim().split("\n").at(-1)}`;
  const line = stdout.split("\n").find((text) => text.includes(INTO_JAVASCRIPT));
  return line === undefined ? "perf has not seen it" : Number.parseFloat(line) / 100;
}
