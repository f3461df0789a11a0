/**
 * The form in which two dumps of iptables-save are compared. What carries no meaning is taken away: the order of
 * tables and chains, counters and comment lines, and the order of rules where kube-proxy itself has a random one.
 */

/** A chain as a dump lists it. */
interface DumpedChain {
  readonly policy: string;
  readonly rules: readonly string[];
}

/** By `table/CHAIN`. */
export type Dump = ReadonlyMap<string, DumpedChain>;

/** Chains that kube-proxy fills service by service, and services come in the order of a Go map. */
const fedByServices = /\/KUBE-(SERVICES|NODEPORTS|EXTERNAL-SERVICES|PROXY-FIREWALL)$/;
/** Of the same chains: rules that stay behind all others. */
const mustBeLast = "NOTE: this must be the last rule in this chain";

/** Reads the text of iptables-save. */
export function readDump(text: string): Map<string, { policy: string; rules: string[] }> {
  const chains = new Map<string, { policy: string; rules: string[] }>();
  let table = "";
  for (const line of text.split("\n")) {
    const [first = "", second = ""] = line.split(" ");
    if (first.startsWith("*")) table = first.slice(1);
    else if (first.startsWith(":")) chains.set(`${table}/${first.slice(1)}`, { policy: second, rules: [] });
    else if (first === "-A")
      chains.get(`${table}/${second}`)!.rules.push(line.slice(`-A ${second}`.length).trimStart());
  }
  return chains;
}

/** @param ordered says of a chain, `table/CHAIN`, whether the order of its rules counts. */
export function normalizeDump(dump: Dump, ordered = (chain: string): boolean => !fedByServices.test(chain)): string {
  const lines = [...dump].flatMap(([name, { policy, rules }]) => {
    const sorted = ordered(name) ? rules : [...rules].sort(lastOnesLast);
    return [`${name} ${policy}\n${sorted.map((rule) => `  ${rule}\n`).join("")}`];
  });
  return lines.sort().join("");
}

function lastOnesLast(a: string, b: string): number {
  const [lastA, lastB] = [a.includes(mustBeLast), b.includes(mustBeLast)];
  if (lastA !== lastB) return lastA ? 1 : -1;
  return a < b ? -1 : Number(a > b);
}
