import { SluiceError } from "../../../core/errors.ts";
import { type Cidr, hostCidr, maskIp, tryParseCidr } from "../../../net/cidr.ts";
import { type Family, familyOf, type Ip, type Ip4, tryParseIp } from "../../../net/ip.ts";
import type { Interface, InterfaceAddress, Route, RouteType } from "./host-node.ts";

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads what `ip -j addr` printed.
 *
 * @param file names the text in errors.
 * @throws {SluiceError} INPUT_INVALID with the place: line and column of a text that is no JSON, else the field.
 */
export function parseIpAddr(text: string, file = "ip -j addr"): readonly Interface[] {
  return listOf(text, file).map((link, at) => {
    const name = link["ifname"];
    if (typeof name !== "string") throw invalid(file, `[${at}].ifname`, "a name", name);
    const infos = link["addr_info"] ?? [];
    if (!Array.isArray(infos)) throw invalid(file, `[${at}].addr_info`, "a list", infos);
    return {
      name,
      addresses: infos
        .filter((info: JsonObject) => info?.["family"] === "inet" || info?.["family"] === "inet6")
        .map((info: JsonObject, i) => readAddress(info, file, `[${at}].addr_info[${i}]`)),
    };
  });
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
 * Reads what `ip -j route` printed, and `ip -j -6 route`; of several next hops the first is taken.
 *
 * @param family whose default routes `default` is of, where no gateway tells.
 * @throws {SluiceError} INPUT_INVALID as of `parseIpAddr`.
 */
export function parseIpRoute(text: string, file = "ip -j route", family: Family = 4): readonly Route[] {
  return listOf(text, file).map((route, at) => readRoute(route, file, `[${at}]`, family));
}

function readRoute(route: JsonObject, file: string, field: string, family: Family): Route {
  const hop = firstHop(route);
  const gateway = readIp(hop["gateway"]) ?? readIp((hop["via"] as JsonObject | undefined)?.["host"]);
  const source = readIp(route["prefsrc"]);
  const known = [gateway, source].find((ip) => ip !== undefined);
  const destination = readDestination(route["dst"], known === undefined ? family : familyOf(known));
  if (destination === undefined) throw invalid(file, `${field}.dst`, "an address, a range or default", route["dst"]);
  const type = types.find((one) => one === (route["type"] ?? "unicast"));
  if (type === undefined) throw invalid(file, `${field}.type`, `one of ${types.join(", ")}`, route["type"]);
  const device = hop["dev"] ?? "";
  if (typeof device !== "string") throw invalid(file, `${field}.dev`, "a name", device);
  const metric = typeof route["metric"] === "number" ? route["metric"] : 0;
  return {
    destination,
    type,
    device,
    metric,
    ...(gateway === undefined ? {} : { gateway }),
    ...(source === undefined ? {} : { source }),
  };
}

function firstHop(route: JsonObject): JsonObject {
  const [hop] = Array.isArray(route["nexthops"]) ? (route["nexthops"] as readonly unknown[]) : [];
  return typeof hop === "object" && hop !== null ? (hop as JsonObject) : route;
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

function listOf(text: string, file: string): readonly JsonObject[] {
  let json: unknown;
  try {
    json = JSON.parse(text.trim() === "" ? "[]" : text);
  } catch (error) {
    throw invalid(file, "the text", "JSON", (error as Error).message);
  }
  const isList = Array.isArray(json) && json.every((one) => typeof one === "object" && one !== null);
  if (!isList) throw invalid(file, "the text", "a list of objects", json);
  return json as readonly JsonObject[];
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
