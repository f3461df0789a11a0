import type { CanonicalDump } from "./dump.ts";

/** Chains that kube-proxy fills service by service, and it walks services in the random order of a Go map. */
const fedByServices =
  /\/KUBE-(?:SERVICES|NODEPORTS|EXTERNAL-SERVICES|PROXY-FIREWALL|PORTALS-\w+|NODEPORT-(?:CONTAINER|HOST|NON-LOCAL))$/;
/** Of the same chains: rules that stay behind all others. */
const mustBeLast = "NOTE: this must be the last rule";

/**
 * The text of iptables-save. Counters, comment lines and the order of tables and chains are gone, and so is the order
 * of rules in the chains that kube-proxy fills in random order.
 */
export function canonicalIptables(text: string): CanonicalDump {
  const blocks = new Map<string, string[]>();
  let table = "";
  for (const line of text.split("\n")) {
    if (line.startsWith("*")) table = line.slice(1);
    else if (line.startsWith(":")) {
      const [chain = "", policy = ""] = line.slice(1).split(" ");
      blocks.set(`${table}/${chain}`, [`:${chain} ${policy}`]);
    } else if (line.startsWith("-A ")) blocks.get(`${table}/${line.split(" ", 2)[1]}`)?.push(line);
  }
  for (const [name, lines] of blocks) if (fedByServices.test(name)) blocks.set(name, sortedButLast(lines));
  return blocks;
}

/** Sorts the rules, and apart from them those that must be last: where they are not last, they stay where they are. */
function sortedButLast(lines: readonly string[]): string[] {
  const first = lines.findIndex((line) => line.includes(mustBeLast));
  const end = first < 0 ? lines.length : first;
  return [...lines.slice(0, end).toSorted(), ...lines.slice(end).toSorted()];
}
