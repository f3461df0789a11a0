import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { createAgent } from "../agent/agent.ts";
import { completeConfig } from "../agent/config/complete.ts";
import type { KubeProxyConfiguration } from "../agent/config/config.ts";
import type { HostFindings } from "../agent/config/program-options.ts";
import { doubtsAbout } from "../agent/config/doubts.ts";
import { configNotes } from "../agent/config/notes.ts";
import { durationMs } from "../agent/config/go-duration.ts";
import { loadConfig } from "../agent/config/read.ts";
import { API_VERSION, KIND } from "../agent/config/schema.ts";
import { agentOptionsOf } from "../agent/agent-options.ts";
import type { Proxy } from "../agent/proxy.ts";
import type { ClusterSnapshot } from "../cluster/state.ts";
import { watchCluster } from "../cluster/watch.ts";
import { systemClock } from "../core/clock.ts";
import { configInvalid, isSluiceError, type SluiceError } from "../core/errors.ts";
import { lineLog } from "../core/log.ts";
import type { WouldRun } from "../dataplane/kernel/dry-commands.ts";
import { createKernelDataplane, type KernelDataplane } from "../dataplane/kernel/kernel.ts";
import { obstacleToCounters, readCounter } from "../host/nfacct.ts";
import { ownAddresses } from "../host/own-addresses.ts";
import { ownPackage } from "../host/own-package.ts";
import { createIdleSweeper, keepHeapSmall } from "../host/small-heap.ts";
import { readSysctl } from "../host/sysctl.ts";
import type { NodeView } from "../model/model.ts";
import { viewNode } from "../model/node-view.ts";
import { exampleCluster, loadFilesNoted, note, noteIfNoService, ownNode } from "./cluster-input.ts";
import { changesIn } from "./planned-changes.ts";
import type { RunArguments } from "./run-options.ts";
import { catchStopSignals } from "./run-signals.ts";

const log = lineLog((line) => process.stderr.write(`sluice: ${line}`));

/** What a kernel refused may go after a while, in milliseconds: as when another program held its lock. */
const retriesMs: readonly number[] = [1000, 2000];

/**
 * Programs this host's kernel: once, or until SIGTERM, SIGINT or SIGHUP. Rules stay in force when it ends.
 *
 * @throws {SluiceError} DATAPLANE_FAILED with `once`, when rules were refused again and again; HOST_UNABLE.
 */
export async function runKernel(args: RunArguments): Promise<void> {
  keepHeapSmall();
  const config = args.config === undefined ? configOf(args) : await loadConfig(args.config);
  if (config.mode === "userspace") {
    throw configInvalid("--dataplane", "workers with --bind portals, for mode userspace", "kernel");
  }
  const named = { ...args, hostnameOverride: args.hostnameOverride ?? (config.hostnameOverride || undefined) };
  const loaded = await loadFilesNoted(args);
  const nodeName = ownNodeOf(loaded.snapshot, named);
  const node = viewNode(loaded.snapshot.nodes, nodeName);
  checkPodRanges(config, node);
  for (const line of [...configNotes(config, { kernel: true }), ...doubtsAbout(config, node)]) note(line);
  const planned: WouldRun[] = [];
  const onlyTell = (change: WouldRun): void => void planned.push(change);
  if (args.config !== undefined && args.dryRun !== true) setOomScore(config.oomScoreAdj);
  const staleChainsMs = durationMs(config.iptables.syncPeriod);
  const dataplane = createKernelDataplane({ log, staleChainsMs, ...(args.dryRun === true ? { onlyTell } : {}) });
  try {
    const found = config.mode === "iptables" ? await findHost() : {};
    const programmed = { config, found, dataplane, loaded: { ...loaded, nodeName } };
    if (args.once === true || args.dryRun === true) await once(programmed);
    else await serve(named, programmed);
  } finally {
    await dataplane.close();
  }
  if (args.dryRun === true) process.stdout.write(changesIn(args.o, planned));
}

/** Of the flags alone: settings of the host that no flag speaks of stay as they are. */
function configOf(args: RunArguments): KubeProxyConfiguration {
  const masquerade = args.masqueradeAll === undefined ? {} : { masqueradeAll: args.masqueradeAll };
  return completeConfig({
    apiVersion: API_VERSION,
    kind: KIND,
    mode: args.mode,
    clusterCIDR: (args.clusterCidr ?? []).join(","),
    iptables: masquerade,
    nftables: masquerade,
    ...(args.scheduler === undefined ? {} : { ipvs: { scheduler: args.scheduler } }),
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: "0s", tcpCloseWaitTimeout: "0s" },
  });
}

function setOomScore(score: number): void {
  try {
    writeFileSync("/proc/self/oom_score_adj", String(score));
  } catch (error) {
    note(`oomScoreAdj ${score} is not set: ${(error as Error).message}`);
  }
}

/** @throws {SluiceError} CONFIG_INVALID for a guess: this host is changed on its strength. */
function ownNodeOf(snapshot: ClusterSnapshot, args: RunArguments): string {
  const { name, guessed, reason } = ownNode(snapshot, args);
  if (guessed) {
    const [said] = reason.split(": ");
    throw configInvalid("--hostname-override", `the Node that this host is (${said}) with --dataplane kernel`, "none");
  }
  if (reason !== "") note(reason);
  return name;
}

/** @throws {SluiceError} CONFIG_INVALID where local traffic cannot be told: kube-proxy waits for minutes, and gives up. */
function checkPodRanges({ detectLocalMode }: KubeProxyConfiguration, { name, podCidrs }: NodeView): void {
  if (detectLocalMode !== "NodeCIDR" || podCidrs.length > 0) return;
  const what = `spec.podCIDRs of the Node ${name === "" ? "that this host is" : name}`;
  throw configInvalid(what, "a range, which detectLocalMode NodeCIDR goes by", "none");
}

/** What the rules of mode iptables go by. Counters that the host cannot have are told of, and left out of the rules. */
async function findHost(): Promise<HostFindings> {
  const lacking = await obstacleToCounters();
  if (lacking !== undefined) note(`no rule counts packets: ${lacking}`);
  const tcpBeLiberal = (readSysctl("net/netfilter/nf_conntrack_tcp_be_liberal") ?? 0) !== 0;
  return { nfacct: lacking === undefined, tcpBeLiberal };
}

interface Programmed {
  readonly config: KubeProxyConfiguration;
  readonly found: HostFindings;
  readonly dataplane: KernelDataplane;
  readonly loaded: Awaited<ReturnType<typeof loadFilesNoted>> & { readonly nodeName: string };
}

async function once({ config, found, dataplane, loaded: { snapshot, nodeName } }: Programmed): Promise<void> {
  const agent = createAgent({ ...agentOptionsOf(config, ownAddresses, found), dataplane });
  try {
    for (const waitMs of retriesMs) {
      const error = await agent.sync(snapshot, nodeName).then(() => undefined, onlyFailure);
      if (error === undefined) return;
      log.warn(`not in force: ${error.message}; next attempt in ${waitMs / 1000} s`);
      await sleep(waitMs);
    }
    await agent.sync(snapshot, nodeName);
  } finally {
    await dataplane.settle();
  }
}

/** @throws what is no failure of the kernel's: that would come again. */
function onlyFailure(error: unknown): SluiceError {
  if (isSluiceError(error, "DATAPLANE_FAILED")) return error;
  throw error;
}

async function serve(args: RunArguments, { config, found, dataplane, loaded }: Programmed): Promise<void> {
  // Servers and metrics, which nobody needs for --once.
  const { startProxy } = await import("../agent/proxy.ts");
  const { version } = ownPackage();
  const signals = catchStopSignals();
  const sweeper = createIdleSweeper(systemClock);
  const onSynced = (): void => {
    note("in force");
    sweeper.worked();
  };
  const proxy = await startProxy({
    config,
    dataplane,
    version,
    log,
    onSynced,
    hostAddresses: ownAddresses,
    ...(found.nfacct === true ? { nfacct: readCounter } : {}),
    tcpBeLiberal: found.tcpBeLiberal === true,
  });
  proxy.want(loaded.snapshot, loaded.nodeName);
  const watch = args.watch === true ? follow(args, loaded, proxy) : undefined;
  try {
    await Promise.race([signals.first, proxy.failed]);
  } finally {
    watch?.close();
    await proxy.close();
    sweeper.close();
    signals.release();
  }
}

function follow(args: RunArguments, loaded: Programmed["loaded"], proxy: Proxy): { close(): void } {
  return watchCluster(args.f ?? [exampleCluster], {
    current: loaded,
    onChange(snapshot) {
      noteIfNoService(snapshot);
      try {
        proxy.want(snapshot, ownNodeOf(snapshot, args));
      } catch (error) {
        note(`not applied, the state before stays in force: ${(error as Error).message}`);
      }
    },
    onError: (error) => note(`not loaded, the state before stays in force: ${error.message}`),
    onRecovery: () => note("loaded again: the input is good"),
  });
}
