import type { EngineName } from "../dataplane/workers/choose-engine.ts";
import type { ServiceInfo } from "../measure/distribution.ts";
import { formatSocketAddr, protocolName } from "../net/flow.ts";
import type { ChosenPorts } from "./choose-service.ts";
import type { ServingStatus } from "./open-subjects.ts";
import type { ResolvedBenchOptions } from "./options.ts";
import type { StandIns } from "./stand-ins.ts";

/** A measured service as the result names it. */
export function serviceInfo({ port, endpoints, addrs, backends }: StandIns): ServiceInfo {
  return {
    backends,
    service: {
      protocol: protocolName(port.proto) === "udp" ? "udp" : "tcp",
      servicePort: port.name,
      address: formatSocketAddr({ ip: port.clusterIp, port: port.port }),
      endpoints: endpoints.map(({ text }, at) => ({ endpoint: text, standIn: formatSocketAddr(addrs[at]!) })),
    },
  };
}

const engineTexts: Readonly<Record<EngineName, string>> = {
  native: "native: C and epoll",
  node: "node: net and dgram",
};

/** What moves the bytes, and how ports are served. */
export function engineText({ workers }: ResolvedBenchOptions, statuses: readonly ServingStatus[]): string {
  const threads = `${workers} worker ${workers === 1 ? "thread" : "threads"} a subject`;
  const engines = new Set(
    statuses.map(({ engine }) => (engine in engineTexts ? engineTexts[engine as EngineName] : engine)),
  );
  const hasThreads = statuses.some(({ engine }) => !engine.startsWith("kernel"));
  const placements = new Set(statuses.map(({ placement }) => placement).filter((placement) => placement !== ""));
  return [[...engines, ...(hasThreads ? [threads] : [])].join(", "), ...placements].join("; ");
}

const loopbackNotes = [
  "Load, endpoints and proxies share this host, and all traffic is loopback: compare subjects with each other, not with networks.",
  "Every mode runs on the same worker threads: what differs is how a backend is chosen, not how packets move in a kernel.",
  "Not emulated: masquerading (endpoints see the proxy's address), packet filtering of established flows.",
  "Endpoints are echo backends in one thread, each on a loopback address of its own.",
];
const networkNotes = [
  "Load, endpoints and nodes are network namespaces of this host, joined by veth pairs: compare subjects with each other, not with networks.",
  "Every subject has a node of its own between the client and the endpoints; direct has one without rules, which only forwards.",
  "In a kernel packets of an established flow pass no rule; worker threads are a process of the node that moves every byte.",
  "Every UDP flow has a client address of its own; a node forgets one that is quiet for a second, or there would be no room.",
  "Endpoints are echo backends in one thread, each on an address of its own.",
];

/** What a reader has to know: what was left out, and what stands for what. */
export function noteTexts(
  { tcp, udp }: ChosenPorts,
  statuses: ReadonlyMap<string, ServingStatus>,
  inNetwork: boolean,
): string[] {
  const affine = [tcp, udp].filter((port) => port !== undefined && port.affinitySeconds > 0);
  const dropping = [...statuses].filter(([, { notEmulated }]) => notEmulated.length > 0);
  return [
    ...(inNetwork ? networkNotes : loopbackNotes),
    "Closed loops: every lane waits for its answer before it asks again, so latencies are those at full load. Open loops (with @ and a rate): requests are due at a fixed rate, and latency counts from then.",
    ...(tcp === undefined ? ["No TCP: the cluster has no such service to measure."] : []),
    ...(udp === undefined ? ["No UDP: the cluster has no such service to measure."] : []),
    ...affine.map(
      (port) => `${port!.name} has session affinity: its clients keep their endpoint, so no distribution is promised.`,
    ),
    ...dropping.map(([name]) => `${name}: frontends whose packets the program drops accept and close instead.`),
    ...[...statuses].flatMap(([name, { counters }]) => troubleTexts(name, counters)),
  ];
}

/** What a dataplane could not do as it should; each may explain a failure. */
function troubleTexts(name: string, { refused, udpEvicted, datagramsLost }: ServingStatus["counters"]): string[] {
  return [
    ...(refused > 0
      ? [`${name}: ${refused} tries to reach an endpoint failed, and may have gone to another one.`]
      : []),
    ...(udpEvicted > 0 ? [`${name}: ${udpEvicted} UDP flows were forgotten early, since its table was full.`] : []),
    ...(datagramsLost > 0 ? [`${name}: ${datagramsLost} datagrams were thrown away.`] : []),
  ];
}
