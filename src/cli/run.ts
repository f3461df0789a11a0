import { createAgent } from "../agent/agent.ts";
import type { KubeProxyConfiguration } from "../agent/config/config.ts";
import { planNode } from "../agent/plan.ts";
import { createPortalsDataplane, type PortalsDataplane } from "../agent/portals.ts";
import { findFollowable, STDIN } from "../cluster/input-files.ts";
import type { LoadedCluster } from "../cluster/load.ts";
import type { ClusterSnapshot } from "../cluster/state.ts";
import { countOf } from "../core/count.ts";
import { configInvalid } from "../core/errors.ts";
import { lineLog } from "../core/log.ts";
import type { Dataplane } from "../dataplane/dataplane.ts";
import { createKernelDataplane } from "../dataplane/kernel/kernel.ts";
import { createWorkersDataplane, type WorkersDataplane } from "../dataplane/workers/workers.ts";
import { ownAddresses } from "../host/own-addresses.ts";
import { buildModel } from "../model/build.ts";
import type { Model } from "../model/model.ts";
import { exampleCluster, loadFilesNoted, note } from "./cluster-options.ts";
import { listenersJson, listenersTable } from "./listeners.ts";
import { unknownMappingsNoted } from "./map-endpoint.ts";
import { programOptions } from "./mode-options.ts";
import { type ConfiguredRun, loadWorkersConfig, runConfigured, withConfig } from "./run-configured.ts";
import { countersJson, countersText } from "./run-counters.ts";
import { follow } from "./run-follow.ts";
import { nodeToServe, resolveListen, type RunArguments, workersOptions } from "./run-options.ts";
import { catchStopSignals, type StopSignals } from "./run-signals.ts";

const DRAIN_SECONDS = 30;
const log = lineLog((line) => process.stderr.write(`sluice: ${line}`));

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
async function forward(given: RunArguments): Promise<void> {
  const config = given.config === undefined ? undefined : await loadWorkersConfig(given.config, given);
  const args = config === undefined ? given : withConfig(given, config);
  const loaded = await loadFilesNoted(args);
  const { name: nodeName, reason } = nodeToServe(loaded.snapshot, args);
  if (reason !== "") note(reason);
  const noteUnknownMappings = unknownMappingsNoted(args.mapEndpoint);
  noteUnknownMappings(loaded.snapshot);
  const listen = resolveListen(args, planNode(buildModel(loaded.snapshot, nodeName), args.mode).frontends);
  const dataplane = createWorkersDataplane({ ...workersOptions(args), listen });
  const carrier =
    args.bind === "portals" ? createPortalsDataplane(dataplane, createKernelDataplane({ log })) : dataplane;
  const signals = catchStopSignals();
  // What goes wrong here is told below, where it is closed once more.
  void signals.second.then(() => closeNow(dataplane, carrier)).catch(() => {});
  try {
    await serve(args, { config, loaded, nodeName, dataplane, carrier, signals, noteUnknownMappings });
  } catch (error) {
    // It was closed in the middle of an apply, as was asked.
    if (signals.count < 2) throw error;
  } finally {
    await carrier.close();
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
  /** Undefined: flags say it all. */
  readonly config: KubeProxyConfiguration | undefined;
  readonly loaded: LoadedCluster;
  readonly nodeName: string;
  readonly dataplane: WorkersDataplane;
  /** What programs are applied to: the workers, with whatever leads traffic to them. */
  readonly carrier: WorkersDataplane | PortalsDataplane;
  readonly signals: StopSignals;
  noteUnknownMappings(snapshot: ClusterSnapshot): void;
}

async function serve(args: RunArguments, served: Served): Promise<void> {
  const { dataplane, carrier, signals } = served;
  const show = (): void => {
    const status = dataplane.status();
    process.stdout.write(args.o === "json" ? listenersJson(status) : listenersTable(status));
  };
  const running = await start(args, served, show);
  try {
    await Promise.race([signals.first, running.failed]);
  } finally {
    await running.close();
  }
  if ("withdraw" in carrier) await carrier.withdraw();
  await drain(dataplane, args.drainSeconds ?? DRAIN_SECONDS);
}

/** Brings the input into force, and follows it with `--watch`. */
async function start(args: RunArguments, served: Served, onApplied: () => void): Promise<ConfiguredRun> {
  const { config, loaded, nodeName, carrier, noteUnknownMappings: onSnapshot } = served;
  if (config !== undefined) {
    const watched = { intact: async () => true, ...carrier };
    return runConfigured(args, { config, loaded, nodeName, dataplane: watched, onSnapshot, onApplied });
  }
  const view = args.bind === "portals" ? { viewModel: onThisHost } : {};
  const agent = createAgent({ mode: args.mode, programOptions: programOptions(args), dataplane: carrier, ...view });
  await agent.sync(loaded.snapshot, nodeName);
  onApplied();
  const following = args.watch ? follow(args, { loaded, nodeName, agent, onSnapshot, onApplied }) : undefined;
  return { failed: new Promise<never>(() => {}), close: async () => following?.close() };
}

/** Rules of this host are about the addresses that it has, whatever its Node object says. */
function onThisHost(model: Model): Model {
  return { ...model, node: { ...model.node, addresses: ownAddresses() } };
}

async function drain(dataplane: WorkersDataplane, seconds: number): Promise<void> {
  note(`draining: no new connections; open ones have ${seconds} s to end`);
  const reset = await dataplane.drain(seconds * 1000);
  if (reset > 0) note(`${countOf(reset, "connection was", "connections were")} still open and reset`);
}

async function closeNow(dataplane: WorkersDataplane, carrier: Dataplane): Promise<void> {
  const { active } = dataplane.status().counters;
  note(`ending at once, with ${countOf(active, "open connection")}`);
  await carrier.close();
}

function tellCounters(dataplane: WorkersDataplane, { o }: RunArguments): void {
  const { counters } = dataplane.status();
  for (const line of countersText(counters)) note(line);
  if (o === "json") process.stdout.write(countersJson(counters));
}
