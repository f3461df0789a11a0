/** The texts of `ip addr` and `ip route`, as the objects that they are with `-j`. */
type JsonObject = Readonly<Record<string, unknown>>;

/** Another text than a listing of `ip`; the number of the line is from 1. */
export interface OtherText {
  readonly line: number;
  readonly text: string;
}

/** An object, and the number of the line at which it begins. */
export interface ListedObject {
  readonly line: number;
  readonly object: JsonObject;
}

export type IpListing = { readonly listed: readonly ListedObject[] } | { readonly other: OtherText };

interface Link extends Record<string, unknown> {
  readonly ifname: string;
  readonly addr_info: JsonObject[];
}

/** `2: eth0@if7: <UP> mtu 1500 …`, and `inet 192.0.2.5/24 brd 192.0.2.255 scope global secondary eth0` below it. */
export function addressListing(text: string): IpListing {
  const links: { readonly line: number; readonly object: Link }[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const [, ifname, rest = ""] = /^\d+: ([^:@\s]+)(?:@\S+)?: <(.*)/.exec(line) ?? [];
    const last = links.at(-1)?.object;
    if (ifname !== undefined) links.push({ line: index + 1, object: { ifname, addr_info: [], ...masterOf(rest) } });
    else if (line.trim() !== "" && (last === undefined || isForeign(line)))
      return { other: { line: index + 1, text: line } };
    else if (last !== undefined) takeDetail(last, line.trim().split(/\s+/));
  }
  return { listed: links };
}

/** No part of a link: what is not indented, unless the paste lost that, and addresses that nobody reads. */
function isForeign(line: string): boolean {
  const isPart = /^(?:inet6?\s|link\/|altname\s|alias\s|valid_lft\s|bridge|veth\b)/.test(line.trim());
  return !isPart && (/^\S/.test(line) || /(?:\d{1,3}\.){3}\d{1,3}\/\d/.test(line));
}

function masterOf(flags: string): JsonObject {
  const [, master] = / master (\S+)/.exec(flags) ?? [];
  return master === undefined ? {} : { master };
}

function takeDetail(link: Link, words: readonly string[]): void {
  const info = addressOf(words);
  if (info !== undefined) link.addr_info.push(info);
  if (words.includes("promiscuity")) link["promiscuity"] = 0;
  if (words[0] === "bridge") link["linkinfo"] = { info_kind: "bridge" };
  if (words[0] !== "bridge_slave") return;
  const hairpin = words[words.indexOf("hairpin") + 1] === "on";
  link["linkinfo"] = { info_slave_kind: "bridge", info_slave_data: { hairpin } };
}

function addressOf([family, address = "", ...words]: readonly string[]): JsonObject | undefined {
  if (family !== "inet" && family !== "inet6") return undefined;
  const [local, bits] = (words[0] === "peer" ? `${address}/${words[1]?.split("/")[1] ?? ""}` : address).split("/");
  const broadcast = words[words.indexOf("brd") + 1];
  return {
    family,
    local,
    prefixlen: bits === undefined || bits === "" ? (family === "inet" ? 32 : 128) : Number(bits),
    ...(words.includes("brd") ? { broadcast } : {}),
    ...(words.includes("secondary") ? { secondary: true } : {}),
  };
}

const types = new Set([
  "multicast",
  "anycast",
  "nat",
  "unicast",
  "local",
  "broadcast",
  "blackhole",
  "unreachable",
  "prohibit",
  "throw",
]);

/** `default via 192.0.2.1 dev eth0 src 192.0.2.5 metric 100`, and `nexthop via … dev … weight 1` below it. */
export function routeListing(text: string): IpListing {
  const routes: { readonly line: number; readonly object: Record<string, unknown> }[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const words = line.trim().split(/\s+/);
    const [first = ""] = words;
    if (first === "") continue;
    const last = routes.at(-1)?.object;
    if (first === "nexthop" && last !== undefined) {
      last["nexthops"] = [...((last["nexthops"] as JsonObject[] | undefined) ?? []), optionsOf(words.slice(1))];
      continue;
    }
    const typed = types.has(first);
    const [dst = "", ...rest] = typed ? words.slice(1) : words;
    if (!/^(?:default|[\da-f.:/]*\d[\da-f.:/]*|[\da-f:]+::?(?:\/\d+)?)$/.test(dst))
      return { other: { line: index + 1, text: line } };
    routes.push({ line: index + 1, object: { ...(typed ? { type: first } : {}), dst, ...optionsOf(rest) } });
  }
  return { listed: routes };
}

/** What follows is a value for these; `via inet6 fe80::1` names the family first. */
function optionsOf(words: readonly string[]): JsonObject {
  const valueOf = (name: string): string | undefined => {
    const at = words.indexOf(name);
    const value = at < 0 ? undefined : words[at + 1];
    return value === "inet" || value === "inet6" ? words[at + 2] : value;
  };
  const numbers = Object.entries({ metric: valueOf("metric"), weight: valueOf("weight") });
  const texts = Object.entries({
    gateway: valueOf("via"),
    dev: valueOf("dev"),
    prefsrc: valueOf("src"),
    table: valueOf("table"),
  });
  return Object.fromEntries([
    ...texts.filter(([, value]) => value !== undefined),
    ...numbers.filter(([, value]) => value !== undefined).map(([name, value]) => [name, Number(value)]),
    ...(words.includes("dead") ? [["flags", ["dead"]]] : []),
  ]);
}
