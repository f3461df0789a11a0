import { SluiceError } from "../../../core/errors.ts";
import type { Hook, Rule, Table } from "../../../modes/nftables/ruleset.ts";
import type { Ip } from "../../../net/ip.ts";
import type { DecisionState } from "../decider.ts";
import { notEmulated } from "../not-emulated.ts";
import { idle, type PreparedStatement, prepareStatement } from "./statements.ts";

/** A rule made ready. */
export interface PreparedRule {
  /** Without those that change nothing. */
  readonly statements: readonly PreparedStatement<PreparedChain>[];
  /** As it was given, for a trace. */
  readonly source: Rule;
}

export interface PreparedChain {
  readonly name: string;
  /** `ip kube-proxy/services`. */
  readonly where: string;
  /** Of a base chain. */
  readonly base: Hook | undefined;
  readonly rules: readonly PreparedRule[];
}

interface Context {
  readonly state: DecisionState;
  isLocal(ip: Ip): boolean;
}

/**
 * Makes the chains of a table ready: names of chains become references, sets become maps.
 *
 * @throws {SluiceError} RULESET_UNKNOWN_CHAIN, RULESET_LOOP; DATAPLANE_FAILED for what is not emulated.
 */
export function prepareChains(table: Table, context: Context): readonly PreparedChain[] {
  const sets = new Map(table.sets.map((set) => [set.name, set]));
  const chains = new Map(
    table.chains.map(({ name, base }) => {
      const where = `${table.family} ${table.name}/${name}`;
      return [name, { name, where, base, rules: [] as PreparedRule[], to: new Set<string>() }];
    }),
  );
  for (const { name, rules } of table.chains) {
    const from = chains.get(name)!;
    const ofChain = {
      ...context,
      set: (wanted: string) => sets.get(wanted) ?? missingSet(wanted),
      chain(wanted: string) {
        from.to.add(wanted);
        return chains.get(wanted) ?? missingChain(wanted, from.where);
      },
    };
    for (const source of rules) {
      const statements = source.statements.map((one) => prepareStatement<PreparedChain>(one, ofChain));
      from.rules.push({ statements: statements.filter((one) => one !== idle), source });
    }
  }
  refuseLoops(chains);
  return [...chains.values()];
}

function missingSet(name: string): never {
  throw notEmulated(`a set that is not there: ${name}`);
}

function missingChain(chain: string, from: string): never {
  throw new SluiceError("RULESET_UNKNOWN_CHAIN", `${from} jumps to ${chain}, which is not there`, { chain, from });
}

/** As the kernel, which refuses such a ruleset whole. */
function refuseLoops(chains: ReadonlyMap<string, { readonly where: string; readonly to: ReadonlySet<string> }>): void {
  const done = new Set<string>();
  const path = new Set<string>();
  const visit = (name: string): void => {
    if (done.has(name)) return;
    if (path.has(name)) throw loop([...path, name].slice([...path].indexOf(name)));
    path.add(name);
    for (const to of chains.get(name)!.to) visit(to);
    path.delete(name);
    done.add(name);
  };
  for (const name of chains.keys()) visit(name);
}

function loop(chains: readonly string[]): SluiceError<"RULESET_LOOP"> {
  return new SluiceError("RULESET_LOOP", `chains jump in a circle: ${chains.join(" → ")}`, { chains });
}
