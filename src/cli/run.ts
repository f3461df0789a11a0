import { findFollowable, STDIN } from "../cluster/input-files.ts";
import { configInvalid } from "../core/errors.ts";
import { exampleCluster } from "./cluster-input.ts";
import type { RunArguments } from "./run-options.ts";

/** Forwards until SIGTERM, SIGINT or SIGHUP, or programs a kernel. What only the other one needs is not loaded. */
export async function run(args: RunArguments): Promise<void> {
  if (args.watch) await requireFollowable(args.f ?? [exampleCluster]);
  if (args.dataplane === "kernel") {
    const { runKernel } = await import("./run-kernel.ts");
    await runKernel(args);
  } else {
    const { forward } = await import("./run-forward.ts");
    await forward(args);
  }
}

/** What cannot be read twice is refused before anything listens. @throws {SluiceError} CONFIG_INVALID, INPUT_UNREADABLE */
async function requireFollowable(paths: readonly string[]): Promise<void> {
  if (paths.includes(STDIN)) throw configInvalid("--watch", "files or folders, which can be followed", STDIN);
  await findFollowable(paths);
}
