import type { Model } from "../../model/model.ts";
import type { Family } from "../../net/ip.ts";
import { builtInChains } from "./built-in-chains.ts";
import { ruleContext } from "./context.ts";
import { draftTable, finishTable } from "./draft.ts";
import { addEndpointChains, endpointChains } from "./endpoint-chains.ts";
import { addForwarding, addLocalnetGuard, addMasquerading } from "./fixed-rules.ts";
import { addTopLevel } from "./jumps.ts";
import { serviceChains } from "./names.ts";
import { addNodePortEntry } from "./node-ports.ts";
import type { ResolvedIptablesOptions } from "./options.ts";
import type { IptablesRuleset } from "./ruleset.ts";
import { addServiceAddresses } from "./service-addresses.ts";
import { addServiceChains } from "./service-chains.ts";

/**
 * Compiles the whole ruleset of one family, as kube-proxy 1.36 leaves it in a fresh kernel: the tables filter and nat
 * with the jumps from the kernel's own chains. Services come in the model's order, where kube-proxy has a random one.
 *
 * The canary chains are not part of it: they serve kube-proxy's watching for a flush, no packet.
 *
 * Time and memory O(service ports × endpoints). Source: kube-proxy, pkg/proxy/iptables/proxier.go, `syncProxyRules`.
 */
export function compileIptables(model: Model, family: Family, options: ResolvedIptablesOptions): IptablesRuleset {
  const context = ruleContext(model, family, options);
  const filter = draftTable("filter");
  const nat = draftTable("nat");
  addTopLevel(filter, nat);
  addLocalnetGuard(filter, context);
  addMasquerading(nat, context);
  for (const port of model.servicePorts[family]) {
    const chains = serviceChains(port.name, port.proto);
    const endpoints = endpointChains(port);
    addServiceAddresses({ filter, nat }, port, chains, context);
    addServiceChains(nat, port, chains, endpoints, context);
    addEndpointChains(nat, port, endpoints, context);
  }
  addNodePortEntry(nat, context);
  addForwarding(filter, context);
  return { family, tables: [finishTable(filter, builtInChains.filter), finishTable(nat, builtInChains.nat)] };
}
