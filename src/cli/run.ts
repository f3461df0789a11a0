import { createAgent } from "../agent/agent.ts";
import { planNode } from "../agent/plan.ts";
import { findFollowable, STDIN } from "../cluster/input-files.ts";
import type { LoadedCluster } from "../cluster/load.ts";
import type { ClusterSnapshot } from "../cluster/state.ts";
import { countOf } from "../core/count.ts";
import { configInvalid } from "../core/errors.ts";
import { createWorkersDataplane, type WorkersDataplane } from "../dataplane/workers/workers.ts";
import { buildModel } from "../model/build.ts";
import { exampleCluster, loadFilesNoted, note } from "./cluster-options.ts";
import { listenersJson, listenersTable } from "./listeners.ts";
import { unknownMappingsNoted } from "./map-endpoint.ts";
import { programOptions } from "./mode-options.ts";
import { countersJson, countersText } from "./run-counters.ts";
import { follow } from "./run-follow.ts";
import { nodeToServe, resolveListen, type RunArguments, workersOptions } from "./run-options.ts";
import { catchStopSignals, type StopSignals } from "./run-signals.ts";

const DRAIN_SECONDS = 30;

/** Forwards until SIGTERM, SIGINT or SIGHUP, or programs a kernel. */
export async function run(args: RunArguments): Promise<void> {
  if (args.watch) await requireFollowable(args.f ?? [exampleCluster]);
  if (args.dataplane !== "kernel") return forward(args);
  const { runKernel } = await import("./run-kernel.ts");
  await runKernel(args);
}

/**
 * At the end it stops listening and lets connections end; a second signal ends them at once. While the input is being
 * read there is nothing to undo: a signal kills.
 */
async function forward(args: RunArguments): Promise<void> {
  const loaded = await loadFilesNoted(args);
  const { name: nodeName, reason } = nodeToServe(loaded.snapshot, args);
  if (reason !== "") note(reason);
  const noteUnknownMappings = unknownMappingsNoted(args.mapEndpoint);
  noteUnknownMappings(loaded.snapshot);
  const listen = resolveListen(args, planNode(buildModel(loaded.snapshot, nodeName), args.mode).frontends);
  const dataplane = createWorkersDataplane({ ...workersOptions(args), listen });
  const signals = catchStopSignals();
  // What goes wrong here is told below, where it is closed once more.
  void signals.second.then(() => closeNow(dataplane)).catch(() => {});
  try {
    await serve(args, { loaded, nodeName, dataplane, signals, noteUnknownMappings });
  } catch (error) {
    // It was closed in the middle of an apply, as was asked.
    if (signals.count < 2) throw error;
  } finally {
    await dataplane.close();
    signals.release();
  }
  tellCounters(dataplane, args);
}

/** What cannot be read twice is refused before anything listens. @throws {SluiceError} CONFIG_INVALID, INPUT_UNREADABLE */
async function requireFollowable(paths: readonly string[]): Promise<void> {
  if (paths.includes(STDIN)) throw configInvalid("--watch", "files or folders, which can be followed", STDIN);
  await findFollowable(paths);
}

interface Served {
  readonly loaded: LoadedCluster;
  readonly nodeName: string;
  readonly dataplane: WorkersDataplane;
  readonly signals: StopSignals;
  noteUnknownMappings(snapshot: ClusterSnapshot): void;
}

async function serve(args: RunArguments, served: Served): Promise<void> {
  const { loaded, nodeName, dataplane, signals, noteUnknownMappings } = served;
  const agent = createAgent({ mode: args.mode, programOptions: programOptions(args), dataplane });
  await agent.sync(loaded.snapshot, nodeName);
  const show = (): void => {
    const status = dataplane.status();
    process.stdout.write(args.o === "json" ? listenersJson(status) : listenersTable(status));
  };
  show();
  const followed = { loaded, nodeName, agent, onSnapshot: noteUnknownMappings, onApplied: show };
  const following = args.watch ? follow(args, followed) : undefined;
  await signals.first;
  following?.close();
  await drain(dataplane, args.drainSeconds ?? DRAIN_SECONDS);
}

async function drain(dataplane: WorkersDataplane, seconds: number): Promise<void> {
  note(`draining: no new connections; open ones have ${seconds} s to end`);
  const reset = await dataplane.drain(seconds * 1000);
  if (reset > 0) note(`${countOf(reset, "connection was", "connections were")} still open and reset`);
}

async function closeNow(dataplane: WorkersDataplane): Promise<void> {
  const { active } = dataplane.status().counters;
  note(`ending at once, with ${countOf(active, "open connection")}`);
  await dataplane.close();
}

function tellCounters(dataplane: WorkersDataplane, { o }: RunArguments): void {
  const { counters } = dataplane.status();
  for (const line of countersText(counters)) note(line);
  if (o === "json") process.stdout.write(countersJson(counters));
}
