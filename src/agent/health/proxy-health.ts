import type { Clock } from "../../core/clock.ts";
import type { Family } from "../../net/ip.ts";

/** How the proxy of one family is. Times are milliseconds since 1970. */
export interface FamilyHealth {
  /** When what was wanted last came into force. */
  readonly lastUpdatedMs: number;
  readonly healthy: boolean;
}

/** How the proxy is. */
export interface ProxyHealth {
  readonly currentMs: number;
  /** Of the family that was updated last; undefined while none has been. */
  readonly lastUpdatedMs: number | undefined;
  /** All families are healthy: also true while there is none. */
  readonly healthy: boolean;
  /** Of each family that has been updated at least once. */
  readonly families: ReadonlyMap<Family, FamilyHealth>;
}

/** Is told of changes and syncs, and so knows whether changes come into force in time. */
export interface ProxyHealthTracker {
  /** A change of this family waits to come into force. */
  queued(family: Family): void;
  /** All changes of this family are in force. To be called once at start, too: from then on the family counts. */
  updated(family: Family): void;
  health(): ProxyHealth;
}

/**
 * Starts healthy. A family is unhealthy while its oldest waiting change has waited for `timeoutMs` or longer.
 *
 * @param clock counts from 1970.
 * Source: kube-proxy 1.36, pkg/proxy/healthcheck/proxy_health.go.
 */
export function trackProxyHealth({ timeoutMs, clock }: { timeoutMs: number; clock: Clock }): ProxyHealthTracker {
  const updatedMs = new Map<Family, number>();
  const waitingSinceMs = new Map<Family, number>();

  const healthOf = (family: Family, lastUpdatedMs: number, currentMs: number): FamilyHealth => {
    const since = waitingSinceMs.get(family);
    return { lastUpdatedMs, healthy: since === undefined || currentMs - since < timeoutMs };
  };
  return {
    queued(family) {
      if (!waitingSinceMs.has(family)) waitingSinceMs.set(family, clock.nowMs());
    },
    updated(family) {
      waitingSinceMs.delete(family);
      updatedMs.set(family, clock.nowMs());
    },
    health() {
      const currentMs = clock.nowMs();
      const families = new Map([...updatedMs].map(([family, ms]) => [family, healthOf(family, ms, currentMs)]));
      return {
        currentMs,
        lastUpdatedMs: updatedMs.size === 0 ? undefined : Math.max(...updatedMs.values()),
        healthy: [...families.values()].every(({ healthy }) => healthy),
        families,
      };
    },
  };
}
