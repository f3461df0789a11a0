import type { Hook, TableFamily } from "./ruleset.ts";

type Named = readonly [name: string, priority: number, hook?: string];

/** Names that nft has for priorities in families ip, ip6 and inet, some at one hook only. */
const named: readonly Named[] = [
  ["raw", -300],
  ["mangle", -150],
  ["dstnat", -100, "prerouting"],
  ["filter", 0],
  ["security", 50],
  ["srcnat", 100, "postrouting"],
];

/** How far a priority may lie from one that has a name to be told by it. */
const REACH = 10;

/** A priority as nft prints it: by the nearest one that has a name. Source: nft 1.0.6, `prio2str`. */
export function priorityText(family: TableFamily, { hook, priority }: Hook): string {
  if (family !== "ip" && family !== "ip6" && family !== "inet") return String(priority);
  const near = named.find(([, own, at]) => Math.abs(priority - own) <= REACH && (at === undefined || at === hook));
  if (near === undefined) return String(priority);
  const distance = priority - near[1];
  if (distance === 0) return near[0];
  return `${near[0]} ${distance < 0 ? "-" : "+"} ${Math.abs(distance)}`;
}
