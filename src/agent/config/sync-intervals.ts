import type { ConfigMode, KubeProxyConfiguration } from "./config.ts";
import type { ScheduleSettings } from "../schedule.ts";
import { durationMs } from "./go-duration.ts";

/** Everything is synced anew this often where kube-proxy does not take the sync period for it. */
const FULL_SYNC_MS = 3_600_000;
/** Real servers that drain are looked at this often. */
const DRAIN_CHECK_MS = 60_000;
/** Ours: a first failure is most often over by then. */
const FIRST_RETRY_MS = 1000;

/** When to sync, and when to be called unhealthy. */
export interface SyncIntervals extends ScheduleSettings {
  readonly firstRetryMs: number;
  /** A change that has waited for so long makes the proxy unhealthy. */
  readonly healthTimeoutMs: number;
}

/** The section that holds the periods of a mode; the userspace mode took those of iptables. */
export function sectionOf(mode: ConfigMode): Exclude<ConfigMode, "userspace"> {
  return mode === "userspace" ? "iptables" : mode;
}

/** Source: kube-proxy 1.36, `NewBoundedFrequencyRunner` in proxier.go of each mode; 1.25's of pkg/proxy/userspace. */
export function syncIntervals(config: KubeProxyConfiguration): SyncIntervals {
  const { syncPeriod, minSyncPeriod } = config[sectionOf(config.mode)];
  const periodMs = durationMs(syncPeriod);
  const minIntervalMs = durationMs(minSyncPeriod);
  return {
    minIntervalMs,
    maxIntervalMs: maxIntervalOf(config.mode, { minIntervalMs, periodMs }),
    retryMs: periodMs,
    firstRetryMs: Math.min(FIRST_RETRY_MS, periodMs),
    healthTimeoutMs: 2 * periodMs,
  };
}

function maxIntervalOf(mode: ConfigMode, of: { readonly minIntervalMs: number; readonly periodMs: number }): number {
  const { minIntervalMs, periodMs } = of;
  switch (mode) {
    case "iptables":
    case "nftables":
      return FULL_SYNC_MS;
    case "ipvs":
      return Math.max(minIntervalMs, Math.min(periodMs, DRAIN_CHECK_MS));
    case "userspace":
      return periodMs;
  }
}
