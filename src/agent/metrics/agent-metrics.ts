import { Counter, Gauge, Registry } from "prom-client";
import type { Clock } from "../../core/clock.ts";
import type { Model } from "../../model/model.ts";
import type { IptablesRuleset } from "../../modes/iptables/ruleset.ts";
import type { Family } from "../../net/ip.ts";
import type { ConfigMode } from "../config/config.ts";
import { countRules, countWithoutLocalEndpoints, countWritten } from "./counts.ts";
import { exposition } from "./exposition.ts";
import { kubeProxyMetrics, nfacctCounters, type NfacctCounter } from "./kube-proxy-metrics.ts";
import { processMetrics } from "./process-metrics.ts";
import type { SnapshotChanges } from "./snapshot-changes.ts";

export interface AgentMetricsOptions {
  readonly mode: ConfigMode;
  /** Of this program. */
  readonly version: string;
  /** Counts from 1970. */
  readonly clock: Clock;
  /** Reads a counter of the kernel: mode iptables, when the kernel carries out its rules. */
  readonly nfacct?: (counter: NfacctCounter) => Promise<number | undefined>;
}

/** How a sync went. */
export interface SyncTried {
  readonly durationMs: number;
  /** Only what had changed was written. @default false */
  readonly partial?: boolean;
}

/** A sync that came into force. */
export interface SyncInForce extends SyncTried {
  readonly model: Model;
  /** Of mode iptables, of each family. */
  readonly rulesets?: readonly IptablesRuleset[];
}

/** The metrics of one agent: a registry of its own, told of what happens. Both families are synced together. */
export interface AgentMetrics {
  /** Changes were seen that wait to come into force. */
  changed(changes: SnapshotChanges): void;
  /** All that was changed is in force. */
  synced(sync: SyncInForce): void;
  /** What was changed is not in force; it waits on. */
  syncFailed(sync: SyncTried): void;
  /** `/healthz` or `/livez` was answered. */
  healthAnswered(path: "healthz" | "livez", status: number): void;
  /** Stale flows of a family were looked for. Not in mode userspace. */
  conntrackReconciled(family: Family, durationMs: number, deleted: number): void;
  /** All of them in Prometheus' text format, 0.0.4; those without a value are left out. */
  exposition(): Promise<string>;
}

const families = [4, 6] as const satisfies readonly Family[];

export function createAgentMetrics({ mode, version, clock, nfacct }: AgentMetricsOptions): AgentMetrics {
  const registry = new Registry();
  const kube = kubeProxyMetrics(registry, mode);
  const own = ownMetrics(registry, { mode, version });
  if (mode === "iptables" && nfacct !== undefined) nfacctCounters(registry, nfacct);
  processMetrics(registry);
  const inForce = new Map<Family, IptablesRuleset>();
  let triggeredMs: Readonly<Record<Family, readonly number[]>> = { 4: [], 6: [] };

  const took = ({ durationMs, partial = false }: SyncTried): void => {
    const durations = [kube.syncDuration, partial ? kube.partialSyncDuration : kube.fullSyncDuration];
    for (const family of families) {
      for (const duration of durations) duration?.observe(labelsOf(family), durationMs / 1000);
    }
  };
  return {
    changed({ services, endpoints, triggeredMs: triggered }) {
      kube.serviceChanges.inc(services);
      kube.endpointChanges.inc(endpoints);
      kube.serviceChangesPending.inc(services);
      kube.endpointChangesPending.inc(endpoints);
      triggeredMs = { 4: [...triggeredMs[4], ...triggered[4]], 6: [...triggeredMs[6], ...triggered[6]] };
      for (const family of families) kube.lastQueued.set(labelsOf(family), clock.nowMs() / 1000);
    },
    synced({ model, rulesets = [], ...sync }) {
      took(sync);
      own.syncs.inc({ result: "in_force" });
      kube.serviceChangesPending.set(0);
      kube.endpointChangesPending.set(0);
      const nowMs = clock.nowMs();
      for (const family of families) {
        const labels = labelsOf(family);
        kube.lastSynced.set(labels, nowMs / 1000);
        for (const ms of triggeredMs[family]) kube.programming.observe(labels, Math.max(0, nowMs - ms) / 1000);
        const ports = model.servicePorts[family];
        const lacking = countWithoutLocalEndpoints(ports, mode);
        kube.noLocalEndpoints.set({ ...labels, traffic_policy: "internal" }, lacking.internal);
        kube.noLocalEndpoints.set({ ...labels, traffic_policy: "external" }, lacking.external);
        own.servicePorts.set(labels, ports.length);
        own.endpoints.set(
          labels,
          ports.reduce((sum, { endpoints }) => sum + endpoints.length, 0),
        );
      }
      triggeredMs = { 4: [], 6: [] };
      for (const ruleset of rulesets) {
        const before = sync.partial === true ? inForce.get(ruleset.family) : undefined;
        const rules = countRules(ruleset);
        const written = before === undefined ? rules : countWritten(before, ruleset);
        for (const table of ["filter", "nat"] as const) {
          kube.rules?.set({ ...labelsOf(ruleset.family), table }, rules[table]);
          kube.rulesWritten?.set({ ...labelsOf(ruleset.family), table }, written[table]);
        }
        inForce.set(ruleset.family, ruleset);
      }
    },
    syncFailed(sync) {
      took(sync);
      own.syncs.inc({ result: "failed" });
      for (const family of families) {
        kube.restoreFailures?.inc(labelsOf(family));
        kube.syncFailures?.inc(labelsOf(family));
        if (sync.partial === true) kube.partialRestoreFailures?.inc(labelsOf(family));
      }
    },
    healthAnswered: (path, status) => kube[path].inc({ code: status }),
    conntrackReconciled(family, durationMs, deleted) {
      kube.conntrackDuration?.observe(labelsOf(family), durationMs / 1000);
      kube.conntrackDeleted?.inc(labelsOf(family), deleted);
    },
    exposition: () => exposition(registry),
  };
}

/** What kube-proxy does not tell. */
function ownMetrics(registry: Registry, { mode, version }: { mode: ConfigMode; version: string }) {
  const registers = [registry];
  const build = new Gauge({
    name: "sluice_build_info",
    help: "Always 1: the program, what it runs on and in which mode, in the labels.",
    labelNames: ["version", "node_version", "mode"],
    registers,
  });
  build.set({ version, node_version: process.version, mode }, 1);
  return {
    syncs: new Counter({
      name: "sluice_syncs_total",
      help: "Syncs by their result.",
      labelNames: ["result"],
      registers,
    }),
    servicePorts: new Gauge({
      name: "sluice_service_ports",
      help: "Service ports in force.",
      labelNames: ["ip_family"],
      registers,
    }),
    endpoints: new Gauge({
      name: "sluice_endpoints",
      help: "Endpoints of the service ports in force, usable or not.",
      labelNames: ["ip_family"],
      registers,
    }),
  };
}

function labelsOf(family: Family): { readonly ip_family: string } {
  return { ip_family: `IPv${family}` };
}
