import { createAgent } from "../agent/agent.ts";
import type { KubeProxyConfiguration } from "../agent/config/config.ts";
import { planNode } from "../agent/plan.ts";
import { createPortalsDataplane, type PortalsDataplane } from "../agent/portals.ts";
import type { LoadedCluster } from "../cluster/load.ts";
import type { ClusterSnapshot } from "../cluster/state.ts";
import { countOf } from "../core/count.ts";
import { lineLog } from "../core/log.ts";
import type { Dataplane } from "../dataplane/dataplane.ts";
import { createKernelDataplane } from "../dataplane/kernel/kernel.ts";
import { createWorkersDataplane, type WorkersDataplane } from "../dataplane/workers/workers.ts";
import { ownAddresses } from "../host/own-addresses.ts";
import { buildModel } from "../model/build.ts";
import type { Model } from "../model/model.ts";
import { loadFilesNoted, note } from "./cluster-input.ts";
import { listenersJson, listenersTable } from "./listeners.ts";
import { unknownMappingsNoted } from "./map-endpoint.ts";
import { programOptions } from "./mode-options.ts";
import { inForm } from "./output.ts";
import { type ConfiguredRun, loadWorkersConfig, runConfigured, withConfig } from "./run-configured.ts";
import { countersJson, countersText } from "./run-counters.ts";
import { follow } from "./run-follow.ts";
import { nodeToServe, resolveListen, type RunArguments, workersOptions } from "./run-options.ts";
import { catchStopSignals, type StopSignals } from "./run-signals.ts";

const DRAIN_SECONDS = 30;
const log = lineLog((line) => process.stderr.write(`sluice: ${line}`));

/**
 * Forwards until SIGTERM, SIGINT or SIGHUP. At the end it stops listening and lets connections end; a second signal ends
 * them at once. While the input is being read there is nothing to undo: a signal kills.
 */
export async function forward(given: RunArguments): Promise<void> {
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
    process.stdout.write(args.o === "table" ? listenersTable(status) : inForm(args.o, listenersJson(status)));
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
  if (o !== "table") process.stdout.write(inForm(o, countersJson(counters)));
}
