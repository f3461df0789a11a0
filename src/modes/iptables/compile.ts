import { isDeepStrictEqual } from "node:util";
import type { Model } from "../../model/model.ts";
import type { ServicePort } from "../../model/service-port.ts";
import type { Family } from "../../net/ip.ts";
import { joiningBlocks } from "../joining-blocks.ts";
import { remembering } from "../remembering.ts";
import { builtInChains } from "./built-in-chains.ts";
import { type RuleContext, ruleContext } from "./context.ts";
import { draftTable, finishTable } from "./draft.ts";
import { addForwarding, addLocalnetGuard, addMasquerading } from "./fixed-rules.ts";
import { addTopLevel } from "./jumps.ts";
import { addNodePortEntry } from "./node-ports.ts";
import type { ResolvedIptablesOptions } from "./options.ts";
import { addShared, createPortCompiler, joinPortRules, type PortRules } from "./port-rules.ts";
import type { IptablesRuleset } from "./ruleset.ts";

/**
 * Compiles the whole ruleset of one family, as kube-proxy 1.36 leaves it in a fresh kernel: the tables filter and nat
 * with the jumps from the kernel's own chains. Services come in the model's order, where kube-proxy has a random one.
 *
 * The canary chains are not part of it: they serve kube-proxy's watching for a flush, no packet.
 *
 * Time and memory O(service ports × endpoints). Source: kube-proxy, pkg/proxy/iptables/proxier.go, `syncProxyRules`.
 */
export function compileIptables(model: Model, family: Family, options: ResolvedIptablesOptions): IptablesRuleset {
  return createIptablesCompiler(family, options)(model);
}

/**
 * Makes a compiler for a model that changes. What comes of a service port that is the same one as before (`===`) are
 * the same chains and rules as before, as long as what all rules depend on is the same: a change costs what changed,
 * and a walk over the service ports.
 *
 * The comments of endpoint rules are no such thing: where the cluster grows past a thousand endpoints, or shrinks, a
 * service port has them or not as of its own last change, as with kube-proxy, which leaves rules of others alone.
 */
export function createIptablesCompiler(
  family: Family,
  options: ResolvedIptablesOptions,
): (model: Model) => IptablesRuleset {
  let context: RuleContext | undefined;
  let compilePort!: (port: ServicePort) => PortRules;
  let rulesOf!: (ports: readonly ServicePort[]) => readonly PortRules[];
  return (model) => {
    const now = ruleContext(model, family, options);
    if (context === undefined || !isDeepStrictEqual(context, now)) {
      compilePort = createPortCompiler(now);
      const onlyComments =
        context !== undefined && isDeepStrictEqual({ ...context, endpointComments: now.endpointComments }, now);
      if (!onlyComments) rulesOf = inBlocks(remembering((port) => compilePort(port)));
      context = now;
    }
    return assemble(rulesOf(model.servicePorts[family]), context);
  };
}

/** Of most service ports nothing has to be looked at: they stand in blocks in which nothing changed. */
function inBlocks(rulesOf: (port: ServicePort) => PortRules): (ports: readonly ServicePort[]) => readonly PortRules[] {
  return joiningBlocks((ports: readonly ServicePort[]) => joinPortRules(ports.map(rulesOf)));
}

function assemble(blocks: readonly PortRules[], context: RuleContext): IptablesRuleset {
  const filter = draftTable("filter");
  const nat = draftTable("nat");
  addTopLevel(filter, nat);
  addLocalnetGuard(filter, context);
  addMasquerading(nat, context);
  for (const { shared } of blocks) {
    addShared(filter, shared.filter);
    addShared(nat, shared.nat);
  }
  addNodePortEntry(nat, context);
  addForwarding(filter, context);
  const tables = [
    finishTable(filter, builtInChains.filter, []),
    finishTable(
      nat,
      builtInChains.nat,
      blocks.flatMap(({ own }) => own),
    ),
  ];
  return { family: context.family, tables, ...(context.endpointComments ? {} : { manyEndpoints: true }) };
}
