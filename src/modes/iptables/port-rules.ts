import type { ServicePort } from "../../model/service-port.ts";
import type { RuleContext } from "./context.ts";
import { chain, draftTable, type TableDraft } from "./draft.ts";
import { addEndpointChains, endpointChains } from "./endpoint-chains.ts";
import { topLevelChains } from "./jumps.ts";
import { serviceChains } from "./names.ts";
import type { Chain } from "./ruleset.ts";
import { addServiceAddresses, type Drafts } from "./service-addresses.ts";
import { addServiceChains } from "./service-chains.ts";

/** What one service port adds to the rules of a family, or several do. */
export interface PortRules {
  /** Rules that it has in chains of all service ports, by table. */
  readonly shared: { readonly [T in keyof Drafts]: readonly Chain[] };
  /** Chains of the table nat that it has to itself. */
  readonly own: readonly Chain[];
}

const topLevel = new Set<string>([...topLevelChains.filter, ...topLevelChains.nat]);
const none: readonly Chain[] = [];

/** Compiles service ports one by one, in a draft that is emptied after each. */
export function createPortCompiler(context: RuleContext): (port: ServicePort) => PortRules {
  const drafts: Drafts = { filter: draftTable("filter"), nat: draftTable("nat") };
  const { filter, nat } = drafts;
  return (port) => {
    const chains = serviceChains(port.name, port.proto);
    const endpoints = endpointChains(port);
    addServiceAddresses(drafts, port, chains, context);
    addServiceChains(nat, port, chains, endpoints, context);
    addEndpointChains(nat, port, endpoints, context);
    return { shared: { filter: taken(filter, true), nat: taken(nat, true) }, own: taken(nat, false) };
  };
}

/** What several service ports add, one after the other. */
export function joinPortRules(all: readonly PortRules[]): PortRules {
  const joined = (table: keyof Drafts): readonly Chain[] => {
    const draft = draftTable(table);
    for (const { shared } of all) addShared(draft, shared[table]);
    return Array.from(draft.chains, ([name, rules]) => ({ name, rules }));
  };
  return { shared: { filter: joined("filter"), nat: joined("nat") }, own: all.flatMap(({ own }) => own) };
}

/** Adds what service ports have in chains of all. */
export function addShared(table: TableDraft, chains: readonly Chain[]): void {
  for (const { name, rules } of chains) {
    const to = chain(table, name);
    for (const rule of rules) to.push(rule);
  }
}

/** Takes the chains that are shared, or those that are not, out of a draft. */
function taken({ chains }: TableDraft, shared: boolean): readonly Chain[] {
  if (chains.size === 0) return none;
  const out: Chain[] = [];
  for (const [name, rules] of chains) {
    if (topLevel.has(name) !== shared) continue;
    out.push({ name, rules: rules.slice() });
    chains.delete(name);
  }
  return out;
}
