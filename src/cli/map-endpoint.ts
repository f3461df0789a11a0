import type { ClusterSnapshot } from "../cluster/state.ts";
import { configInvalid } from "../core/errors.ts";
import { concerns } from "../dataplane/workers/endpoint-map.ts";
import { formatSocketAddr, type SocketAddr } from "../net/flow.ts";
import { formatIp, type Ip, tryParseIp } from "../net/ip.ts";
import { parseSocketAddr } from "../net/parse-socket-addr.ts";
import { note } from "./cluster-input.ts";
import { asExpected } from "./flag.ts";

const FORM = "IP[:PORT]=ADDRESS[:PORT], with an IPv6 address in brackets before a port";

/** @throws {SluiceError} CONFIG_INVALID, naming the flag, also for an endpoint that is sent to two places. */
export function readMappings(texts: readonly string[] = []): readonly { from: string; to: string }[] {
  const taken = new Set<string>();
  return texts.map((text) => {
    const { from, to } = sidesOf(text);
    const endpoint = formatSocketAddr(readSide(from, text));
    readSide(to, text);
    if (taken.has(endpoint)) throw configInvalid("--map-endpoint", "each endpoint once", text);
    taken.add(endpoint);
    return { from, to };
  });
}

function sidesOf(text: string): { from: string; to: string } {
  const equals = text.indexOf("=");
  if (equals < 1) throw configInvalid("--map-endpoint", FORM, text);
  return { from: text.slice(0, equals), to: text.slice(equals + 1) };
}

function readSide(side: string, text: string): SocketAddr {
  return asExpected("--map-endpoint", FORM, text, () => parseSocketAddr(side, "--map-endpoint", 0));
}

/**
 * Says on stderr which mappings are of an endpoint that the cluster does not have, ready or not: most likely a slip.
 *
 * @returns what is to be called with each state of the cluster; a mapping that was told of is not told of again before
 *   its endpoint has been there.
 */
export function unknownMappingsNoted(texts: readonly string[] = []): (snapshot: ClusterSnapshot) => void {
  const mappings = readMappings(texts).map(({ from }, at) => ({ text: texts[at]!, from: readSide(from, texts[at]!) }));
  let told: ReadonlySet<string> = new Set();
  return (snapshot) => {
    if (mappings.length === 0) return;
    const endpoints = endpointsOf(snapshot);
    const unknown = mappings.filter((mapping) => !endpoints.some((endpoint) => concerns(mapping, endpoint)));
    for (const { text, from } of unknown) {
      const named = from.port === 0 ? formatIp(from.ip) : formatSocketAddr(from);
      if (!told.has(text)) note(`--map-endpoint ${text}: the cluster has no endpoint ${named}`);
    }
    told = new Set(unknown.map(({ text }) => text));
  };
}

/** All that the cluster says of endpoints; port 0 stands for all ports. */
function endpointsOf({ endpointSlices, endpoints }: ClusterSnapshot): SocketAddr[] {
  const sliced = endpointSlices.flatMap((slice) => {
    const ips = slice.endpoints.flatMap(({ addresses }) => addresses);
    return pairs(
      ips,
      slice.ports.map(({ port = 0 }) => port),
    );
  });
  const listed = endpoints.flatMap(({ subsets }) =>
    subsets.flatMap(({ addresses, ports }) =>
      pairs(
        addresses.map(({ ip }) => ip),
        ports.map(({ port }) => port),
      ),
    ),
  );
  return [...sliced, ...listed];
}

function pairs(addresses: readonly string[], ports: readonly number[]): SocketAddr[] {
  const ips = addresses.map(tryParseIp).filter((ip): ip is Ip => ip !== undefined);
  return ips.flatMap((ip) => ports.map((port) => ({ ip, port })));
}
