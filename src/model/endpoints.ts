import type { EndpointSlice, SliceEndpoint } from "../cluster/objects.ts";
import { formatSocketAddr } from "../net/flow.ts";
import { type Family, type Ip, tryParseIp } from "../net/ip.ts";
import { compareText } from "./order.ts";
import { portKey, protocolOf } from "./port.ts";
import type { Endpoint } from "./service-port.ts";

const SERVICE_NAME = "kubernetes.io/service-name";

/** An endpoint of a slice before it meets a port. */
interface Host {
  readonly ip: Ip;
  readonly about: Omit<Endpoint, "addr" | "text">;
}

/** By namespace and name of the Service: two look-ups take less time than to make one key of both. */
export type SlicesByService = ReadonlyMap<string, ReadonlyMap<string, readonly EndpointSlice[]>>;

/** Slices by the Service that their label names, each list in order of name. Others are left out. */
export function slicesByService(slices: readonly EndpointSlice[]): SlicesByService {
  const byNamespace = new Map<string, Map<string, EndpointSlice[]>>();
  for (const slice of slices) {
    const { namespace, name, labels } = slice.metadata;
    const service = labels[SERVICE_NAME] ?? "";
    if (service === "" || namespace === "" || name === "") continue;
    let byService = byNamespace.get(namespace);
    if (byService === undefined) byNamespace.set(namespace, (byService = new Map()));
    const siblings = byService.get(service);
    if (siblings === undefined) byService.set(service, [slice]);
    else siblings.push(slice);
  }
  for (const byService of byNamespace.values()) {
    for (const siblings of byService.values()) {
      if (siblings.length > 1) siblings.sort((a, b) => compareText(a.metadata.name, b.metadata.name));
    }
  }
  return byNamespace;
}

/**
 * The endpoints of one Service in one family, by `portKey`, each list sorted by text.
 *
 * A slice port without name or number is ignored, and so is an endpoint without a usable first address. One of the
 * other family, which the API refuses, is taken as it is, as kube-proxy does: the kernel refuses its rules. Of two
 * endpoints with the same address and port the later counts, unless it is terminating: a new pod may have been given
 * the address of one that is going. kube-proxy visits slices in random order; here they come in order of name.
 *
 * @param slices of the Service, in order of name.
 * @param nodeName empty: no endpoint is local.
 */
export function endpointsByPort(
  slices: readonly EndpointSlice[],
  family: Family,
  nodeName: string,
): ReadonlyMap<string, readonly Endpoint[]> {
  const byPort = new Map<string, Map<string, Endpoint>>();
  for (const { addressType, ports, endpoints } of slices) {
    if (addressType !== `IPv${family}`) continue;
    const hosts = endpoints.map((endpoint) => readHost(endpoint, nodeName)).filter((host) => host !== undefined);
    for (const { name, protocol, port = 0 } of ports) {
      if (name === undefined || port === 0) continue;
      const key = portKey(name, protocolOf(protocol));
      let known = byPort.get(key);
      if (known === undefined) byPort.set(key, (known = new Map()));
      for (const host of hosts) addEndpoint(known, host, port);
    }
  }
  return new Map([...byPort].map(([key, known]) => [key, sortByText([...known.values()])]));
}

function addEndpoint(known: Map<string, Endpoint>, { ip, about }: Host, port: number): void {
  const addr = { ip, port };
  const text = formatSocketAddr(addr);
  if (about.terminating && known.has(text)) return;
  known.set(text, { addr, text, ...about });
}

function readHost(endpoint: SliceEndpoint, nodeName: string): Host | undefined {
  const { addresses, conditions, hints } = endpoint;
  const ip = tryParseIp(addresses[0] ?? "");
  if (ip === undefined) return undefined;
  const about = {
    nodeName: endpoint.nodeName,
    isLocal: nodeName !== "" && endpoint.nodeName === nodeName,
    ready: conditions.ready ?? true,
    serving: conditions.serving ?? true,
    terminating: conditions.terminating ?? false,
    zoneHints: hints.forZones ?? [],
    nodeHints: hints.forNodes ?? [],
  };
  return { ip, about };
}

/** `10.0.0.10:80` comes before `10.0.0.2:80`. Every rule, probability and index follows from this order. */
function sortByText(endpoints: Endpoint[]): readonly Endpoint[] {
  return endpoints.sort((a, b) => compareText(a.text, b.text));
}
