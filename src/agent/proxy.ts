import { type ClusterSnapshot, emptySnapshot } from "../cluster/state.ts";
import { type Clock, systemClock, type Timers } from "../core/clock.ts";
import { isSluiceError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { KernelDataplane } from "../dataplane/kernel/kernel.ts";
import type { Model } from "../model/model.ts";
import type { Family, Ip } from "../net/ip.ts";
import { createAgent, type Synced } from "./agent.ts";
import { agentOptionsOf } from "./agent-options.ts";
import type { KubeProxyConfiguration } from "./config/config.ts";
import { durationMs } from "./config/go-duration.ts";
import { sectionOf, syncIntervals } from "./config/sync-intervals.ts";
import { createHeldNode } from "./held-node.ts";
import { createHeldServiceCidrs } from "./held-service-cidrs.ts";
import { type AgentMetricsOptions, createAgentMetrics } from "./metrics/agent-metrics.ts";
import { snapshotChanges } from "./metrics/snapshot-changes.ts";
import { openProxyServers } from "./proxy-servers.ts";
import { createSchedule } from "./schedule.ts";
import { trackProxyHealth } from "./health/proxy-health.ts";

const families: readonly Family[] = [4, 6];

export interface ProxyOptions {
  readonly config: KubeProxyConfiguration;
  readonly dataplane: Pick<KernelDataplane, "name" | "apply" | "close" | "intact"> &
    Partial<Pick<KernelDataplane, "tell">>;
  /** Reads a counter of the kernel that carries out the rules. @default there are none, and no rule counts */
  readonly nfacct?: AgentMetricsOptions["nfacct"];
  /** The host's conntrack is liberal about TCP windows, whatever the configuration says. @default false */
  readonly tcpBeLiberal?: boolean;
  /** The addresses of the host, asked for at every sync. @default those of its Node object */
  readonly hostAddresses?: (() => readonly Ip[]) | undefined;
  /** Of this program. */
  readonly version: string;
  readonly log: Log;
  readonly onSynced: (synced: Synced) => void;
  readonly clock?: Clock & Timers;
}

/** kube-proxy as a running process: syncs, health, metrics. */
export interface Proxy {
  /** From now on this is wanted; it comes into force as soon as the periods allow, however often it takes. */
  want(snapshot: ClusterSnapshot, nodeName: string): void;
  /** Rejects when this host turns out to be unable. */
  readonly failed: Promise<never>;
  /** Ends the process' servers and syncs; rules stay in force. Safe to call twice. */
  close(): Promise<void>;
}

/** @throws {SluiceError} HOST_UNABLE with bindAddressHardFail, when an address cannot be had. */
export async function startProxy(options: ProxyOptions): Promise<Proxy> {
  const { config, dataplane, log, clock = systemClock } = options;
  const intervals = syncIntervals(config);
  const health = trackProxyHealth({ timeoutMs: intervals.healthTimeoutMs, clock });
  const metrics = createAgentMetrics({
    mode: config.mode,
    version: options.version,
    clock,
    ...(options.nfacct === undefined ? {} : { nfacct: options.nfacct }),
  });
  let wholly = false;
  dataplane.tell?.({
    synced: (_, whole) => void (wholly ||= whole),
    reconciled: metrics.conntrackReconciled,
  });
  const heldCidrs = createHeldServiceCidrs(clock);
  const heldNode = createHeldNode();
  const agentOptions = agentOptionsOf(config, options.hostAddresses, {
    nfacct: options.nfacct !== undefined,
    tcpBeLiberal: options.tcpBeLiberal === true,
  });
  const viewModel = (model: Model): Model =>
    heldCidrs.hold(agentOptions.viewModel({ ...model, node: heldNode.hold(model.node) }));
  const agent = createAgent({ ...agentOptions, viewModel, dataplane });
  const startedMs = clock.nowMs();
  let wanted: { readonly snapshot: ClusterSnapshot; readonly nodeName: string } | undefined;
  let everInForce = false;
  let fail!: (error: unknown) => void;
  const failed = new Promise<never>((_, reject) => (fail = reject));
  failed.catch(() => {});
  const servers = await openProxyServers({ config, health, metrics, log, timers: clock, node: heldNode.lastSeen });

  const sync = async (): Promise<void> => {
    if (wanted === undefined) return;
    const beganMs = clock.nowMs();
    wholly = dataplane.tell === undefined;
    try {
      const synced = await agent.sync(heldNode.kept(wanted.snapshot), wanted.nodeName);
      everInForce = true;
      for (const family of families) health.updated(family);
      const rulesets = synced.program.mode === "iptables" ? { rulesets: synced.program.rulesets } : {};
      metrics.synced({ durationMs: clock.nowMs() - beganMs, partial: !wholly, model: synced.model, ...rulesets });
      await servers.sync(synced.model);
      options.onSynced(synced);
    } catch (error) {
      heldCidrs.letGo();
      metrics.syncFailed({ durationMs: clock.nowMs() - beganMs, partial: !wholly });
      for (const family of familiesInForce(error)) health.updated(family);
      throw error;
    }
  };
  const schedule = createSchedule({
    ...intervals,
    run: sync,
    timers: clock,
    onFailure(error, retryMs) {
      log.warn(`not in force: ${(error as Error).message}; next attempt in ${retryMs / 1000} s`);
      // What this host could do, it may be able to do again.
      if (!everInForce && isSluiceError(error, "HOST_UNABLE")) fail(error);
    },
  });
  const stopChecking = everySo(durationMs(config[sectionOf(config.mode)].syncPeriod), clock, async () => {
    if (await dataplane.intact()) return;
    log.warn("somebody took our rules away: they are put back");
    schedule.request();
  });

  return {
    failed,
    want(snapshot, nodeName) {
      metrics.changed(snapshotChanges(wanted?.snapshot ?? emptySnapshot, snapshot, startedMs));
      wanted = { snapshot, nodeName };
      heldNode.see(snapshot, nodeName);
      for (const family of families) health.queued(family);
      schedule.request();
    },
    async close() {
      stopChecking();
      await schedule.stop();
      await servers.close();
    },
  };
}

/** Those that a failure did not concern. */
function familiesInForce(error: unknown): readonly Family[] {
  const failed = isSluiceError(error, "DATAPLANE_FAILED") ? error.details.families : undefined;
  return failed === undefined ? [] : families.filter((family) => !failed.includes(family));
}

/** One at a time; one that fails is forgotten. @returns what ends it. */
function everySo(ms: number, timers: Timers, work: () => Promise<void>): () => void {
  let takeBack = (): void => {};
  let ended = false;
  const wait = (): void => {
    if (!ended) takeBack = timers.after(ms, () => void once());
  };
  const once = async (): Promise<void> => {
    await work().catch(() => {});
    wait();
  };
  wait();
  return () => {
    ended = true;
    takeBack();
  };
}
