import type { TableChanges } from "../../modes/iptables/changes.ts";
import type { IptablesRuleset } from "../../modes/iptables/ruleset.ts";
import type { KernelHost } from "./programmer.ts";

/** Chains of services that are gone, to which nothing leads any more. */
export interface StaleChains {
  /**
   * Changes with those chains in `drop` that are to go now. With many endpoints that is all of them once a period, and
   * none between.
   */
  sift(changes: readonly TableChanges[], wanted: IptablesRuleset): readonly TableChanges[];
  /** A full sync took all of them away. */
  gone(): void;
}

/** Source: kube-proxy, pkg/proxy/iptables/proxier.go, `syncProxyRules`: `largeClusterMode`, `lastIPTablesCleanup`. */
export function createStaleChains({ clock, staleChainsMs }: Pick<KernelHost, "clock" | "staleChainsMs">): StaleChains {
  const kept = new Set<string>();
  let goneAtMs = clock.nowMs();
  return {
    sift(changes, { manyEndpoints = false }) {
      const nat = changes.find(({ name }) => name === "nat");
      for (const { name } of nat?.replace ?? []) kept.delete(name);
      for (const chain of nat?.drop ?? []) kept.add(chain);
      const nowMs = clock.nowMs();
      const stay = manyEndpoints && nowMs - goneAtMs <= staleChainsMs;
      const drop = stay ? [] : [...kept];
      if (!stay) {
        kept.clear();
        goneAtMs = nowMs;
      }
      const sifted: TableChanges = { ...(nat ?? nothing), drop };
      return [...changes.filter((one) => one !== nat), sifted].filter(
        (one) => one.replace.length > 0 || one.drop.length > 0,
      );
    },
    gone() {
      kept.clear();
      goneAtMs = clock.nowMs();
    },
  };
}

const nothing: TableChanges = { name: "nat", replace: [], remove: [], prepend: [], empty: [], drop: [] };
