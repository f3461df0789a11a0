/**
 * Serves all services at one port a family, in the network namespace that it is run in, to which rules of the kernel
 * redirect the traffic for their addresses; says as JSON what clients were answered. Its argument names the engine.
 */
import type { EngineName } from "../../../src/dataplane/workers/choose-engine.ts";
import { createWorkersDataplane } from "../../../src/dataplane/workers/workers.ts";
import { modes } from "../../../src/modes/program.ts";
import type { SocketAddr } from "../../../src/net/flow.ts";
import { parseSocketAddr } from "../../../src/net/parse-socket-addr.ts";
import { askOnce, echoNamed, endOf, tcpEndpoint } from "./peers.ts";
import { compiled } from "./services.ts";

/** What was answered, by mode and by the address that a client connected to. */
export type TransparentReport = Readonly<Record<string, Readonly<Record<string, string>>>>;

const engine = process.argv[2] as EngineName;
const addr = (text: string): SocketAddr => parseSocketAddr(text, "test");
const transparent = ["127.0.0.1:15001", "[::1]:15001"].map(addr);
const endpoints = [await tcpEndpoint(echoNamed("web")), await tcpEndpoint(echoNamed("six"), "::1")] as const;
const services = [
  { name: "web", clusterIp: "10.96.0.10", endpoints: [endpoints[0].addr] },
  { name: "six", clusterIp: "fd00:10:96::10", endpoints: [endpoints[1].addr] },
];

/** The port of a client is another one each time. */
async function answered(at: string): Promise<string> {
  return (await askOnce(addr(at), "said")).replace(/ \d+ (\d+)\r\n/, " PORT $1\n");
}

const report: Record<string, Record<string, string>> = {};
for (const mode of modes) {
  const options = { workers: 2, seed: 1, engine, modern: true } as const;
  const dataplane = createWorkersDataplane({ ...options, transparent, proxyProtocol: 1 });
  await dataplane.apply(...compiled(mode, services));
  const answers: Record<string, string> = (report[mode] = {});
  for (const at of ["10.96.0.10:80", "[fd00:10:96::10]:80"]) answers[at] = await answered(at);
  // No service, and nobody's original destination.
  for (const at of ["10.96.0.99:80", "127.0.0.1:15001"]) answers[at] = await endOf(addr(at));
  await dataplane.close();
}
console.log(JSON.stringify(report satisfies TransparentReport));
for (const endpoint of endpoints) await endpoint.close();
