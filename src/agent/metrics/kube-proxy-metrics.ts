import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { ConfigMode } from "../config/config.ts";

/** 1 ms to 16 s. */
const syncBuckets = Array.from({ length: 15 }, (_, i) => 0.001 * 2 ** i);
/** 0.25 s to 5 min. */
const programmingBuckets = [0.25, 0.5, ...steps(1, 1, 59), ...steps(60, 5, 12), ...steps(120, 30, 7)];

function steps(first: number, width: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => first + i * width);
}

const ofFamily = ["ip_family"] as const;

/**
 * kube-proxy's own metrics, with its names, types, help texts and labels, made in the registry as its mode has them:
 * those of another mode are undefined. The userspace mode has those that all modes have. Left out is
 * `sync_proxy_rules_nftables_cleanup_failures_total`: nothing here deletes what is stale apart from a sync.
 *
 * Source: kube-proxy 1.36, pkg/proxy/metrics/metrics.go.
 */
export function kubeProxyMetrics(registry: Registry, mode: ConfigMode) {
  const about = (name: string, help: string) => ({
    name: `kubeproxy_${name}`,
    help: `[ALPHA] ${help}`,
    registers: [registry],
  });
  const histogram = (name: string, help: string, buckets = syncBuckets) =>
    new Histogram({ ...about(name, help), labelNames: ofFamily, buckets });
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Gauge({ ...about(name, help), labelNames });
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Counter({ ...about(name, help), labelNames });

  const ofAllModes = {
    syncDuration: histogram("sync_proxy_rules_duration_seconds", "SyncProxyRules latency in seconds"),
    lastQueued: gauge(
      "sync_proxy_rules_last_queued_timestamp_seconds",
      "The last time a sync of proxy rules was queued",
      ofFamily,
    ),
    lastSynced: gauge(
      "sync_proxy_rules_last_timestamp_seconds",
      "The last time proxy rules were successfully synced",
      ofFamily,
    ),
    endpointChangesPending: gauge(
      "sync_proxy_rules_endpoint_changes_pending",
      "Pending proxy rules Endpoint changes",
      [],
    ),
    endpointChanges: counter("sync_proxy_rules_endpoint_changes_total", "Cumulative proxy rules Endpoint changes", []),
    serviceChangesPending: gauge("sync_proxy_rules_service_changes_pending", "Pending proxy rules Service changes", []),
    serviceChanges: counter("sync_proxy_rules_service_changes_total", "Cumulative proxy rules Service changes", []),
    healthz: counter("proxy_healthz_total", "Cumulative proxy healthz HTTP status", ["code"]),
    livez: counter("proxy_livez_total", "Cumulative proxy livez HTTP status", ["code"]),
    programming: histogram(
      "network_programming_duration_seconds",
      "In Cluster Network Programming Latency in seconds",
      programmingBuckets,
    ),
    noLocalEndpoints: gauge(
      "sync_proxy_rules_no_local_endpoints_total",
      "Number of services with a Local traffic policy and no endpoints",
      ["ip_family", "traffic_policy"],
    ),
  };
  const byTable = ["ip_family", "table"] as const;
  const fullAndPartial = mode === "iptables" || mode === "nftables";
  return {
    ...ofAllModes,
    ...(fullAndPartial && {
      fullSyncDuration: histogram(
        "sync_full_proxy_rules_duration_seconds",
        "SyncProxyRules latency in seconds for full resyncs",
      ),
      partialSyncDuration: histogram(
        "sync_partial_proxy_rules_duration_seconds",
        "SyncProxyRules latency in seconds for partial resyncs",
      ),
    }),
    ...((mode === "iptables" || mode === "ipvs") && {
      restoreFailures: counter(
        "sync_proxy_rules_iptables_restore_failures_total",
        "Cumulative proxy iptables restore failures",
        ofFamily,
      ),
    }),
    ...(mode === "iptables" && {
      partialRestoreFailures: counter(
        "sync_proxy_rules_iptables_partial_restore_failures_total",
        "Cumulative proxy iptables partial restore failures",
        ofFamily,
      ),
      rules: gauge("sync_proxy_rules_iptables_total", "Total number of iptables rules owned by kube-proxy", byTable),
      rulesWritten: gauge(
        "sync_proxy_rules_iptables_last",
        "Number of iptables rules written by kube-proxy in last sync",
        byTable,
      ),
    }),
    ...(mode === "nftables" && {
      syncFailures: counter(
        "sync_proxy_rules_nftables_sync_failures_total",
        "Cumulative proxy nftables sync failures",
        ofFamily,
      ),
    }),
    ...(mode !== "userspace" && {
      conntrackDuration: histogram(
        "conntrack_reconciler_sync_duration_seconds",
        "ReconcileConntrackFlowsLatency latency in seconds",
      ),
      conntrackDeleted: counter(
        "conntrack_reconciler_deleted_entries_total",
        "Cumulative conntrack flows deleted by conntrack reconciler",
        ofFamily,
      ),
    }),
  };
}

/** Counters of the kernel that rules of the iptables mode count in. */
export type NfacctCounter = "ct_state_invalid_dropped_pkts" | "localhost_nps_accepted_pkts";

const nfacctMetrics: readonly (readonly [name: string, help: string, counter: NfacctCounter])[] = [
  [
    "iptables_ct_state_invalid_dropped_packets_total",
    "packets dropped by iptables to work around conntrack problems",
    "ct_state_invalid_dropped_pkts",
  ],
  [
    "iptables_localhost_nodeports_accepted_packets_total",
    "Number of packets accepted on nodeports of loopback interface",
    "localhost_nps_accepted_pkts",
  ],
];

/** Makes the metrics of the kernel's counters. @param packets reads one; undefined where it cannot be read. */
export function nfacctCounters(
  registry: Registry,
  packets: (counter: NfacctCounter) => Promise<number | undefined>,
): void {
  for (const [name, help, counter] of nfacctMetrics) {
    const metric = new Counter({
      name: `kubeproxy_${name}`,
      help: `[ALPHA] ${help}`,
      registers: [registry],
      async collect() {
        const value = await packets(counter);
        metric.remove();
        if (value !== undefined) metric.inc(value);
      },
    });
  }
}
