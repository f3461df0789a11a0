import { isDeepStrictEqual } from "node:util";
import type { Model } from "../../model/model.ts";
import type { ServicePort } from "../../model/service-port.ts";
import type { Family } from "../../net/ip.ts";
import { joiningBlocks } from "../joining-blocks.ts";
import { remembering } from "../remembering.ts";
import { type RuleContext, ruleContext } from "./context.ts";
import { type DraftPart, draftTable, finishTable, joinParts, takePart } from "./draft.ts";
import { addFixedRules } from "./fixed-rules.ts";
import { createElementJoiner, type ElementJoiner } from "./join-elements.ts";
import { serviceChains } from "./names.ts";
import type { ResolvedNftablesOptions } from "./options.ts";
import type { NftablesRuleset, Table, TableFamily } from "./ruleset.ts";
import { addServiceAddresses } from "./service-addresses.ts";
import { addServiceChains } from "./service-chains.ts";

/** The one table that kube-proxy has in each family. */
const about = { name: "kube-proxy", comment: "rules for kube-proxy" };

/**
 * Compiles the tables of both families, as kube-proxy 1.36 leaves them once everything is settled. Services come in the
 * model's order, where kube-proxy has a random one; of two that claim one address and port the first has it.
 *
 * Time and memory O(service ports × endpoints). Source: kube-proxy, pkg/proxy/nftables/proxier.go, `syncProxyRules`.
 */
export function compileNftables(model: Model, options: ResolvedNftablesOptions): NftablesRuleset {
  return createNftablesCompiler(options)(model);
}

/**
 * Makes a compiler for a model that changes. What comes of a service port that is the same one as before (`===`) are
 * the same chains and elements as before, as long as what all rules depend on is the same: a change costs what changed,
 * and a walk over the service ports.
 */
export function createNftablesCompiler(options: ResolvedNftablesOptions): (model: Model) => NftablesRuleset {
  const [compile4, compile6] = [createTableCompiler(4, options), createTableCompiler(6, options)];
  return (model) => ({ tables: [compile4(model), compile6(model)] });
}

function createTableCompiler(family: Family, options: ResolvedNftablesOptions): (model: Model) => Table {
  const tableFamily: TableFamily = family === 4 ? "ip" : "ip6";
  let context: RuleContext | undefined;
  let partsOf!: (ports: readonly ServicePort[]) => readonly DraftPart[];
  let joinElements!: ElementJoiner;
  return (model) => {
    const now = ruleContext(model, family, options);
    if (context === undefined || !isDeepStrictEqual(context, now)) {
      context = now;
      const partOf = remembering(createPortCompiler(tableFamily, context));
      // Of most service ports nothing has to be looked at: they stand in blocks in which nothing changed.
      partsOf = joiningBlocks((ports: readonly ServicePort[]) => joinParts(ports.map(partOf)));
      joinElements = createElementJoiner();
    }
    const fixed = draftTable(tableFamily);
    addFixedRules(fixed, context);
    return finishTable(fixed, partsOf(model.servicePorts[family]), about, joinElements);
  };
}

/** Compiles service ports one by one, in a draft that is emptied after each. */
function createPortCompiler(family: TableFamily, context: RuleContext): (port: ServicePort) => DraftPart {
  const draft = draftTable(family);
  return (port) => {
    const chains = serviceChains(port);
    addServiceAddresses(draft, port, chains);
    addServiceChains(draft, port, chains, context);
    return takePart(draft);
  };
}
