import { isServiceChain, type TableChanges } from "../../modes/iptables/changes.ts";
import type { Chain, TableName } from "../../modes/iptables/ruleset.ts";

/**
 * For every line of a table iptables-restore 1.8.9 (nf_tables) walks a sorted list of the chains named before. 10,000
 * services of 5 endpoints take it 8 s of processor time with so many chains at once, and over a minute with all.
 */
const CHAINS_AT_ONCE = 500;

/** Chains of a kind lead to those of kinds before it, and to KUBE-MARK-MASQ. */
const kinds = ["KUBE-SEP", "KUBE-SVC", "KUBE-SVL", "KUBE-EXT", "KUBE-FW"];
const MARK = "KUBE-MARK-MASQ";

/**
 * Cuts the changes of a table into several: in all but the last one, chains of services are made to which nothing leads
 * yet, so that all comes into force with the last. For the nf_tables variant; legacy writes the whole table every time.
 *
 * @param there the chains that the kernel's table has already, and to which rules may lead; asked only where it matters.
 */
export function inBatches(
  changes: TableChanges,
  there: (table: TableName) => ReadonlySet<string>,
  chainsAtOnce: number = CHAINS_AT_ONCE,
): readonly TableChanges[] {
  if (changes.replace.length <= chainsAtOnce) return [changes];
  const known = there(changes.name);
  const fresh = new Map<string, Chain[]>(kinds.map((kind) => [kind, []]));
  for (const chain of changes.replace) {
    if (isServiceChain(chain.name) && !known.has(chain.name)) fresh.get(kindOf(chain))!.push(chain);
  }
  const sorted = [...fresh.values()].flat();
  if (sorted.length <= chainsAtOnce) return [changes];
  const mark = changes.replace.filter(({ name }) => name === MARK);
  const batches = [mark];
  for (let at = 0; at < sorted.length; at += chainsAtOnce) batches.push(sorted.slice(at, at + chainsAtOnce));
  const made = new Set([...mark, ...sorted]);
  const { name } = changes;
  return [
    ...batches
      .filter(({ length }) => length > 0)
      .map((replace) => ({ name, replace, remove: [], prepend: [], empty: [], drop: [] })),
    { ...changes, replace: changes.replace.filter((chain) => !made.has(chain)) },
  ];
}

function kindOf({ name }: Chain): string {
  return name.slice(0, name.lastIndexOf("-"));
}
