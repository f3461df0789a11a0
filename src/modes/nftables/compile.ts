import type { Model } from "../../model/model.ts";
import type { Family } from "../../net/ip.ts";
import { ruleContext } from "./context.ts";
import { draftTable, finishTable } from "./draft.ts";
import { addFixedRules } from "./fixed-rules.ts";
import { serviceChains } from "./names.ts";
import type { ResolvedNftablesOptions } from "./options.ts";
import type { NftablesRuleset, Table } from "./ruleset.ts";
import { addServiceAddresses } from "./service-addresses.ts";
import { addServiceChains } from "./service-chains.ts";

/** The one table that kube-proxy has in each family. */
const NAME = "kube-proxy";

/**
 * Compiles the tables of both families, as kube-proxy 1.36 leaves them once everything is settled. Services come in the
 * model's order, where kube-proxy has a random one; of two that claim one address and port the first has it.
 *
 * Time and memory O(service ports × endpoints). Source: kube-proxy, pkg/proxy/nftables/proxier.go, `syncProxyRules`.
 */
export function compileNftables(model: Model, options: ResolvedNftablesOptions): NftablesRuleset {
  return { tables: [compileTable(model, 4, options), compileTable(model, 6, options)] };
}

function compileTable(model: Model, family: Family, options: ResolvedNftablesOptions): Table {
  const context = ruleContext(model, family, options);
  const table = draftTable(family === 4 ? "ip" : "ip6");
  addFixedRules(table, context);
  for (const port of model.servicePorts[family]) {
    const chains = serviceChains(port);
    addServiceAddresses(table, port, chains);
    addServiceChains(table, port, chains, context);
  }
  return finishTable(table, NAME, "rules for kube-proxy");
}
