import type { Clock } from "../core/clock.ts";
import type { Model } from "../model/model.ts";

/** kube-proxy writes the rules that no Service has to itself in a full sync, and that is once an hour. */
const FULL_SYNC_MS = 3_600_000;

/** The ranges of ServiceCIDR objects, as a proxy that keeps running goes by them. */
export interface HeldServiceCidrs {
  /**
   * The model with the ranges of the last full sync. A first one, one that is due, and one of a node that has come to
   * another zone takes over the model's own.
   */
  hold(model: Model): Model;
  /** A sync failed: the next one is a full one. */
  letGo(): void;
}

/**
 * Source: kube-proxy 1.36, pkg/proxy/nftables/proxier.go, `OnServiceCIDRsChanged`, which starts no sync either;
 * `OnTopologyChange`, which makes the next one a full one.
 */
export function createHeldServiceCidrs(clock: Clock): HeldServiceCidrs {
  let held: Model["serviceCidrs"] | undefined;
  let zone = "";
  let sinceMs = 0;
  return {
    hold(model) {
      const nowMs = clock.nowMs();
      if (held === undefined || model.node.zone !== zone || nowMs - sinceMs >= FULL_SYNC_MS) {
        held = model.serviceCidrs;
        zone = model.node.zone;
        sinceMs = nowMs;
      }
      return { ...model, serviceCidrs: held };
    },
    letGo() {
      held = undefined;
    },
  };
}
