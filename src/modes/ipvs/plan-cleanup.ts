import { formatSocketAddr, type Protocol, TCP, UDP } from "../../net/flow.ts";
import { ipKey } from "../../net/ip.ts";
import type { IpSet } from "./ip-set.ts";
import { kubeSets, type SetKey, setName } from "./kube-sets.ts";
import type { KernelState } from "./state.ts";
import type { Step } from "./steps.ts";
import { DEVICE } from "./surroundings.ts";
import type { KernelServer, VirtualServer } from "./tables.ts";

/** What tells whose a kernel's virtual servers are. */
export type OwnedState = Pick<KernelState, "virtualServers" | "sets" | "addresses">;

/** Sets that name virtual servers by address and port. */
const byAddress: readonly SetKey[] = [
  "clusterIp",
  "externalIp",
  "externalIpLocal",
  "loadBalancer",
  "nodePortSctp",
  "nodePortLocalSctp",
];
/** Sets that name node ports, at whatever address. */
const byPort: readonly (readonly [SetKey, Protocol])[] = [
  ["nodePortTcp", TCP],
  ["nodePortUdp", UDP],
];

/**
 * Plans how programs of this mode go out of a kernel, of both families, once no rule names the sets any more: virtual
 * servers, then the sets that tell whose they are, then the device. So what was broken off can be taken up again.
 *
 * kube-proxy removes every virtual server of the node, and forgets the IPv6 sets. Here those of others stay: ours are at
 * addresses of the device, or named by our sets.
 *
 * Source: kube-proxy 1.36, pkg/proxy/ipvs/proxier.go, `CleanupLeftovers`.
 */
export function planIpvsCleanup({ virtualServers, sets, addresses }: OwnedState): readonly Step[] {
  const ours = sets.filter(({ name }) => ourNames.has(name));
  const owned = ownedBy(ours, new Set(addresses?.map(ipKey)));
  const servers = virtualServers.filter(owned).map(({ addr, proto }): Step => {
    return { kind: "delete-virtual-server", place: { addr, proto } };
  });
  const emptied = ours.map(({ name }): Step => ({ kind: "delete-set", name }));
  const device: readonly Step[] = addresses === undefined ? [] : [{ kind: "delete-device", name: DEVICE }];
  return [...servers, ...emptied, ...device];
}

const keys = Object.keys(kubeSets) as readonly SetKey[];
const named = (all: readonly SetKey[]): ReadonlySet<string> =>
  new Set(all.flatMap((key) => [setName(key, 4), setName(key, 6)]));
const temporary = (name: string): string => name.replace(/^KUBE-/, "TEMP-");
const ourNames: ReadonlySet<string> = new Set([...named(keys)].flatMap((name) => [name, temporary(name)]));
const addressSets = named(byAddress);

function ownedBy(
  sets: readonly IpSet[],
  onDevice: ReadonlySet<number | string>,
): (server: KernelServer) => server is VirtualServer {
  const entries = sets.filter(({ name }) => addressSets.has(name)).flatMap((set) => set.entries);
  const addressed = new Set(
    entries.map(({ parts: [address, port] }) =>
      address?.kind === "range" && port?.kind === "port"
        ? `${port.proto} ${formatSocketAddr({ ip: address.range.base, port: port.port })}`
        : "",
    ),
  );
  const nodePorts = new Set(byPort.flatMap(([key, proto]) => portsOf(sets, key).map((port) => `${proto} ${port}`)));
  return (server): server is VirtualServer =>
    "addr" in server &&
    (onDevice.has(ipKey(server.addr.ip)) ||
      addressed.has(`${server.proto} ${formatSocketAddr(server.addr)}`) ||
      nodePorts.has(`${server.proto} ${server.addr.port}`));
}

function portsOf(sets: readonly IpSet[], key: SetKey): readonly number[] {
  const names = named([key]);
  const entries = sets.filter(({ name }) => names.has(name)).flatMap((set) => set.entries);
  return entries.flatMap(({ parts: [port] }) => (port?.kind === "port" ? [port.port] : []));
}
