import { exec, execOk } from "../../host/exec.ts";
import { SERVICE_MARK } from "../../host/own-addresses.ts";
import { hostCidr, inCidr, tryParseCidr } from "../../net/cidr.ts";
import { type Family, familyOf, formatIp, type Ip, tryParseIp } from "../../net/ip.ts";

/** The addresses of this host, by whose they are. */
export interface HostAddresses {
  /** Those that carry our mark, by text. */
  readonly marked: ReadonlyMap<string, Ip>;
  /** Whether one that does not carry it covers this. */
  isForeign(ip: Ip): boolean;
}

const families: readonly Family[] = [4, 6];

/** @throws {SluiceError} COMMAND_FAILED; HOST_UNABLE where there is no `ip`. */
export async function readHostAddresses(): Promise<HostAddresses> {
  const [routes, links] = await Promise.all([
    ipJson<Route>(["-4", "route", "show", "table", "local", "type", "local"]),
    ipJson<Link>(["-6", "address", "show"]),
  ]);
  const all = [...routes.map(ofRoute), ...links.flatMap(ofLink)];
  const marked = new Map<string, Ip>();
  for (const { range, ours } of all) if (ours) marked.set(formatIp(range.base), range.base);
  const foreign = all.flatMap(({ range, ours }) => (ours ? [] : [range]));
  return { marked, isForeign: (ip) => foreign.some((range) => inCidr(ip, range)) };
}

/** Stops at the first that cannot be added. @throws {SluiceError} COMMAND_FAILED */
export async function addMarked(ips: readonly Ip[]): Promise<void> {
  for (const family of families) {
    const input = batch("add", family, ips);
    if (input !== "") await execOk(["ip", `-${family}`, "-batch", "-"], { input });
  }
}

/** Goes on after a failure, with both families. @returns what `ip` said of those that it could not remove. */
export async function removeMarked(ips: readonly Ip[]): Promise<string> {
  let said = "";
  for (const family of families) {
    const input = batch("del", family, ips);
    if (input !== "") said += (await exec(["ip", `-${family}`, "-force", "-batch", "-"], { input })).stderr;
  }
  return said.trim();
}

function batch(verb: "add" | "del", family: Family, ips: readonly Ip[]): string {
  return ips
    .filter((ip) => familyOf(ip) === family)
    .map((ip) => `${command(verb, ip)}\n`)
    .join("");
}

/** The kernel binds IPv4 to a local route, IPv6 only to an address of an interface. */
function command(verb: "add" | "del", ip: Ip): string {
  const address = formatIp(ip);
  if (familyOf(ip) === 4) return `route ${verb} local ${address}/32 dev lo proto ${SERVICE_MARK}`;
  return `address ${verb} ${address}/128 dev lo${verb === "add" ? ` nodad noprefixroute metric ${SERVICE_MARK}` : ""}`;
}

/** As `ip -json` shows them. */
interface Route {
  readonly dst: string;
  readonly dev?: string;
  readonly protocol?: string;
}
interface Link {
  readonly ifname: string;
  readonly addr_info: readonly { readonly local?: string; readonly prefixlen?: number; readonly metric?: number }[];
}

type Found = { readonly range: NonNullable<ReturnType<typeof tryParseCidr>>; readonly ours: boolean };

function ofRoute({ dst, dev, protocol }: Route): Found {
  const range = tryParseCidr(dst.includes("/") ? dst : `${dst}/32`)!;
  return { range, ours: protocol === `${SERVICE_MARK}` && dev === "lo" && range.bits === 32 };
}

function ofLink({ ifname, addr_info }: Link): Found[] {
  return addr_info.flatMap(({ local = "", prefixlen, metric }) => {
    const ip = tryParseIp(local);
    const ours = metric === SERVICE_MARK && ifname === "lo" && prefixlen === 128;
    return ip === undefined ? [] : [{ range: hostCidr(ip), ours }];
  });
}

/** Names of protocols differ from host to host: numbers are asked for. */
async function ipJson<T>(words: readonly string[]): Promise<readonly T[]> {
  return JSON.parse((await execOk(["ip", "-Numeric", "-json", ...words])) || "[]") as readonly T[];
}
