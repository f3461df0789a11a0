import { isSluiceError, SluiceError } from "../../../core/errors.ts";
import { readJson } from "../../../core/read-json.ts";
import { type Cidr, hostCidr, maskIp, tryParseCidr } from "../../../net/cidr.ts";
import { type Family, familyOf, type Ip, type Ip4, tryParseIp } from "../../../net/ip.ts";
import { addressListing, type IpListing, routeListing } from "./ip-listing.ts";
import type { Interface, InterfaceAddress, NextHop, Route, RouteType } from "./host-node.ts";

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads what `ip -j addr` printed, or `ip addr`.
 *
 * @param file names the text in errors.
 * @throws {SluiceError} INPUT_INVALID with line and column.
 */
export function parseIpAddr(text: string, file = "ip -j addr"): readonly Interface[] {
  return readList(text, { file, command: "ip -j addr", listing: addressListing }, (link, field) => {
    const name = link["ifname"];
    if (typeof name !== "string") throw invalid(file, `${field}.ifname`, "a name", name);
    const infos = link["addr_info"] ?? [];
    if (!Array.isArray(infos)) throw invalid(file, `${field}.addr_info`, "a list", infos);
    const addresses = infos.flatMap((info: JsonObject | null, i) => {
      const isInternet = info?.["family"] === "inet" || info?.["family"] === "inet6";
      return isInternet ? [readAddress(info, file, `${field}.addr_info[${i}]`)] : [];
    });
    return { name, addresses, ...readDetails(link) };
  });
}

/** What there is with `-d` alone. */
function readDetails({ master, linkinfo, promiscuity }: JsonObject): Pick<Interface, "bridge" | "isPlain"> {
  const info = (linkinfo ?? {}) as JsonObject;
  const hairpin = (info["info_slave_data"] as JsonObject | undefined)?.["hairpin"];
  if (typeof master === "string" && info["info_slave_kind"] === "bridge" && typeof hairpin === "boolean") {
    return { bridge: { name: master, hairpin } };
  }
  const isDetailed = linkinfo !== undefined || promiscuity !== undefined;
  return isDetailed && master === undefined && info["info_kind"] !== "bridge" ? { isPlain: true } : {};
}

function readAddress(info: JsonObject, file: string, field: string): InterfaceAddress {
  const ip = typeof info["local"] === "string" ? tryParseIp(info["local"]) : undefined;
  if (ip === undefined) throw invalid(file, `${field}.local`, "an address", info["local"]);
  const bits = info["prefixlen"];
  const most = familyOf(ip) === 4 ? 32 : 128;
  if (typeof bits !== "number" || !Number.isInteger(bits) || bits < 0 || bits > most) {
    throw invalid(file, `${field}.prefixlen`, `0…${most}`, bits);
  }
  const broadcast = typeof info["broadcast"] === "string" ? tryParseIp(info["broadcast"]) : undefined;
  return {
    ip,
    bits,
    ...(broadcast === undefined ? {} : { broadcast }),
    ...(info["secondary"] === true ? { secondary: true } : {}),
  };
}

const types: readonly RouteType[] = ["unicast", "local", "broadcast", "blackhole", "unreachable", "prohibit", "throw"];

/**
 * Reads what `ip -j route` printed, and `ip -j -6 route`, also without `-j`. Next hops that are dead are left out, and
 * so are routes that have no other, and those of further tables (`show table all`).
 *
 * @param family whose default routes `default` is of, where no gateway tells.
 * @throws {SluiceError} INPUT_INVALID as of `parseIpAddr`.
 */
export function parseIpRoute(text: string, file = "ip -j route", family: Family = 4): readonly Route[] {
  const source = { file, command: "ip -j route", listing: routeListing };
  return readList(text, source, (route, field) => {
    const table = route["table"] ?? "main";
    return table === "main" || table === 254 ? readRoute(route, file, field, family) : undefined;
  }).filter((route) => route !== undefined);
}

/** @returns undefined for a route that leads nowhere any more. */
function readRoute(route: JsonObject, file: string, field: string, family: Family): Route | undefined {
  const hops = readHops(route, file, field);
  const [hop] = hops;
  const source = readIp(route["prefsrc"]);
  const known = [hop?.gateway, source].find((ip) => ip !== undefined);
  const destination = readDestination(route["dst"], known === undefined ? family : familyOf(known));
  if (destination === undefined) throw invalid(file, `${field}.dst`, "an address, a range or default", route["dst"]);
  const type = types.find((one) => one === (route["type"] ?? "unicast"));
  if (type === undefined) throw invalid(file, `${field}.type`, `one of ${types.join(", ")}`, route["type"]);
  if (hop === undefined) return undefined;
  const metric = typeof route["metric"] === "number" ? route["metric"] : 0;
  return {
    destination,
    type,
    device: hop.device,
    metric,
    ...(hop.gateway === undefined ? {} : { gateway: hop.gateway }),
    ...(hops.length > 1 ? { hops } : {}),
    ...(source === undefined ? {} : { source }),
  };
}

function readHops(route: JsonObject, file: string, field: string): readonly NextHop[] {
  const listed = route["nexthops"] ?? [];
  if (!Array.isArray(listed)) throw invalid(file, `${field}.nexthops`, "a list", listed);
  if (listed.length === 0) return isDead(route) ? [] : [readHop(route, file, field)];
  return listed.flatMap((hop: unknown, at) => {
    const place = `${field}.nexthops[${at}]`;
    if (typeof hop !== "object" || hop === null) throw invalid(file, place, "an object", hop);
    return isDead(hop as JsonObject) ? [] : [readHop(hop as JsonObject, file, place)];
  });
}

function isDead({ flags }: JsonObject): boolean {
  return Array.isArray(flags) && flags.includes("dead");
}

function readHop(hop: JsonObject, file: string, field: string): NextHop {
  const gateway = readIp(hop["gateway"]) ?? readIp((hop["via"] as JsonObject | null | undefined)?.["host"]);
  const device = hop["dev"] ?? "";
  if (typeof device !== "string") throw invalid(file, `${field}.dev`, "a name", device);
  const weight = hop["weight"] ?? 1;
  if (typeof weight !== "number" || !Number.isInteger(weight) || weight < 1 || weight > 256) {
    throw invalid(file, `${field}.weight`, "a whole number in 1…256", weight);
  }
  return { device, weight, ...(gateway === undefined ? {} : { gateway }) };
}

function readIp(value: unknown): Ip | undefined {
  return typeof value === "string" ? tryParseIp(value) : undefined;
}

function readDestination(value: unknown, family: Family): Cidr | undefined {
  if (typeof value !== "string") return undefined;
  if (value === "default") {
    return { base: family === 4 ? (0 as Ip4) : { w0: 0, w1: 0, w2: 0, w3: 0 }, bits: 0 };
  }
  const ip = tryParseIp(value);
  if (ip !== undefined) return hostCidr(ip);
  const cidr = tryParseCidr(value);
  return cidr && { base: maskIp(cidr.base, cidr.bits), bits: cidr.bits };
}

interface Source {
  readonly file: string;
  /** What prints such a text. */
  readonly command: string;
  /** Reads what that prints without `-j`. */
  readonly listing: (text: string) => IpListing;
}

const JSON_TEXT = /^\s*(?:[[{"]|(?:null|true|false|[\d.]+)\s*$)/;

/** No text at all is what `ip` prints where there is nothing. */
function readList<T>(text: string, source: Source, read: (one: JsonObject, field: string) => T): readonly T[] {
  const { file, command, listing } = source;
  if (text.trim() === "") return [];
  if (!JSON_TEXT.test(text)) return readListing(listing(text), file, command, read);
  return readJson(text, file, (json) => {
    if (!Array.isArray(json)) throw invalid(file, "", "a list of objects", json);
    return json.map((one: unknown, at) => {
      const field = `[${at}]`;
      if (typeof one !== "object" || one === null || Array.isArray(one)) throw invalid(file, field, "an object", one);
      return read(one as JsonObject, field);
    });
  });
}

/** What is wrong with an object stands in its line. */
function readListing<T>(
  listing: IpListing,
  file: string,
  command: string,
  read: (one: JsonObject, field: string) => T,
): readonly T[] {
  if ("other" in listing) {
    const { line, text } = listing.other;
    throw invalidLine(file, line, `what ${command} printed`, JSON.stringify(text.slice(0, 80)));
  }
  return listing.listed.map(({ line, object }) => {
    try {
      return read(object, "");
    } catch (error) {
      if (!isSluiceError(error, "INPUT_INVALID")) throw error;
      const { field, expected, received } = error.details;
      throw invalidLine(file, line, `${expected} as ${field.replace(/^\./, "")}`, received);
    }
  });
}

function invalidLine(file: string, line: number, expected: string, received: string): SluiceError<"INPUT_INVALID"> {
  const details = { file, line, column: 1, field: "", expected, received };
  return new SluiceError("INPUT_INVALID", `${file}:${line}:1: expected ${expected}, got ${received}`, details);
}

function invalid(file: string, field: string, expected: string, received: unknown): SluiceError<"INPUT_INVALID"> {
  const shown = (JSON.stringify(received) ?? "nothing").slice(0, 80);
  return new SluiceError("INPUT_INVALID", `${file}: ${field}: expected ${expected}, got ${shown}`, {
    file,
    line: undefined,
    column: undefined,
    field,
    expected,
    received: shown,
  });
}
