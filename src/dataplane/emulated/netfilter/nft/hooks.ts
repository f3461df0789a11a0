import type { NftablesRuleset } from "../../../../modes/nftables/ruleset.ts";
import type { Family } from "../../../../net/ip.ts";
import type { HookFunction } from "../hooks.ts";
import type { HookName } from "../walk.ts";
import { NftTableWalker } from "./chains.ts";

const hookNames: Readonly<Record<string, HookName>> = {
  prerouting: "PREROUTING",
  input: "INPUT",
  forward: "FORWARD",
  output: "OUTPUT",
  postrouting: "POSTROUTING",
};

/**
 * Makes the tables ready to be walked that packets of a family come to: those of ip or ip6, and of inet. Dormant tables
 * are passed over.
 *
 * @param laterSeconds how long ago they were listed: elements of sets whose time was shorter are gone.
 *
 * Time O(chains); rules and sets are made ready when a packet comes to them.
 */
export function nftHooks({ tables }: NftablesRuleset, family: Family, laterSeconds = 0): readonly HookFunction[] {
  const families = new Set(["inet", family === 4 ? "ip" : "ip6"]);
  return tables
    .filter((table) => families.has(table.family) && table.flags?.includes("dormant") !== true)
    .flatMap((table) => {
      const walker = new NftTableWalker(table, laterSeconds);
      return table.chains.flatMap((chain): HookFunction[] => {
        const hook = chain.base && hookNames[chain.base.hook];
        if (chain.base === undefined || hook === undefined) return [];
        const kind = chain.base.type === "nat" ? "nat" : "filter";
        return [{ hook, kind, priority: chain.base.priority, run: (walk) => walker.run(chain, walk) }];
      });
    });
}

/** Base chains that see packets before or besides the hooks that are walked, in words; none: nothing. */
export function unwalkedChains({ tables }: NftablesRuleset): readonly string[] {
  return tables.flatMap((table) =>
    table.chains
      .filter(
        ({ base }) =>
          base !== undefined &&
          (hookNames[base.hook] === undefined || ["arp", "bridge", "netdev"].includes(table.family)),
      )
      .map(({ name }) => `${table.family} ${table.name}/${name}`),
  );
}
