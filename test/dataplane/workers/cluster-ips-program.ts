/**
 * Serves virtual addresses in the network namespace that it is run in, and says as JSON what it saw. It stands by itself
 * because a process cannot enter a namespace by its own means.
 */
import { execOk } from "../../../src/host/exec.ts";
import { createWorkersDataplane } from "../../../src/dataplane/workers/workers.ts";
import { formatSocketAddr, type SocketAddr } from "../../../src/net/flow.ts";
import { parseSocketAddr } from "../../../src/net/parse-socket-addr.ts";
import { askOnce, echo, tcpEndpoint, udpEcho, udpPeer } from "./peers.ts";
import { compiled, type TestService } from "./services.ts";

/** What the program found. */
export interface ClusterIpsReport {
  /** What was answered at each virtual address. */
  readonly answers: Readonly<Record<string, string>>;
  /** Where the dataplane says that it listens. */
  readonly listeners: readonly string[];
  /** Local addresses, without loopback, while everything is served. */
  readonly served: readonly string[];
  /** And after the first service went. */
  readonly fewer: readonly string[];
  /** Why an apply failed whose port was taken, and the addresses after it. */
  readonly failure: string;
  readonly afterFailure: readonly string[];
  readonly closed: readonly string[];
}

const endpoint = await tcpEndpoint(echo);
const udp = await udpPeer("127.0.0.1", udpEcho);
const six = await tcpEndpoint(echo, "::1");
const services: readonly TestService[] = [
  { name: "web", clusterIp: "10.96.0.10", endpoints: [endpoint.addr] },
  { name: "node", clusterIp: "10.96.0.20", nodePort: 30080, endpoints: [endpoint.addr] },
  { name: "dns", clusterIp: "10.96.0.30", protocol: "UDP", port: 53, endpoints: [udp.addr] },
  { name: "six", clusterIp: "fd00:10:96::10", endpoints: [six.addr] },
  { name: "node-too", clusterIp: "10.96.0.21", nodePort: 30081, endpoints: [endpoint.addr] },
  { name: "empty", clusterIp: "10.96.0.60", endpoints: [] },
  {
    name: "outside",
    clusterIp: "10.96.0.30",
    endpoints: [endpoint.addr],
    loadBalancer: { ip: "203.0.113.5", sourceRanges: [] },
  },
];
const addr = (text: string): SocketAddr => parseSocketAddr(text, "test");

async function localAddresses(): Promise<string[]> {
  const routes = ["-4", "-6"].map((family) =>
    execOk(["ip", family, "-json", "route", "show", "table", "local", "type", "local"]),
  );
  const all = (await Promise.all(routes)).flatMap((text) => JSON.parse(text || "[]") as { dst: string }[]);
  return all.map(({ dst }) => dst).filter((dst) => !dst.startsWith("127.") && dst !== "::1");
}

async function askUdp(to: SocketAddr): Promise<string> {
  const client = await udpPeer(udpClientAddress);
  client.send("over udp", to);
  await client.count(1);
  client.close();
  return client.received[0]!.text;
}

/** Any local address will do, and loopback is one. */
const udpClientAddress = "127.0.0.1";

const dataplane = createWorkersDataplane({ workers: 2, bind: "cluster-ips", seed: 1 });
await dataplane.apply(...compiled("ipvs", services));
const answers = {
  "10.96.0.10:80": await askOnce(addr("10.96.0.10:80"), "over a cluster IP"),
  "192.168.10.5:30080": await askOnce(addr("192.168.10.5:30080"), "over a node port"),
  "10.96.0.30:53": await askUdp(addr("10.96.0.30:53")),
  "[fd00:10:96::10]:80": await askOnce(addr("[fd00:10:96::10]:80"), "over IPv6"),
  "10.96.0.60:80": await askOnce(addr("10.96.0.60:80"), "").catch((error: NodeJS.ErrnoException) => error.code!),
};
const listeners = dataplane.status().listeners.flatMap(({ at }) => (at === undefined ? [] : [formatSocketAddr(at)]));
const served = await localAddresses();

await dataplane.apply(...compiled("ipvs", services.slice(1)));
const fewer = await localAddresses();

// Somebody else has the port of the second new service at every address.
const other = await tcpEndpoint(() => {}, "0.0.0.0");
const taken = { name: "taken", clusterIp: "10.96.0.50", port: other.addr.port, endpoints: [endpoint.addr] };
const free = { name: "free", clusterIp: "10.96.0.40", endpoints: [endpoint.addr] };
const failure = await dataplane.apply(...compiled("ipvs", [...services.slice(1), free, taken])).then(
  () => "it did not fail",
  (error: Error) => error.message,
);
const afterFailure = await localAddresses();

await dataplane.close();
const closed = await localAddresses();
const report: ClusterIpsReport = { answers, listeners, served, fewer, failure, afterFailure, closed };
console.log(JSON.stringify(report));
for (const peer of [endpoint, udp, six, other]) await peer.close();
