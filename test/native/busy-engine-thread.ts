/**
 * An engine under load in a thread that will be terminated: connections through it are opened and closed all the time,
 * and datagrams are sent. The folder that has its addon comes as the thread's data; undefined: this package's own.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { parentPort, workerData } from "node:worker_threads";
import { createCounterMemory } from "../../src/dataplane/workers/counters.ts";
import { chooseEngine } from "../../src/dataplane/workers/choose-engine.ts";
import { createNativeEngine } from "../../src/dataplane/workers/native-engine/native-engine.ts";
import { policyOf } from "../../src/dataplane/workers/policy.ts";
import { loadAddon } from "../../src/host/addon.ts";
import { TCP, UDP } from "../../src/net/flow.ts";
import { parseIp } from "../../src/net/ip.ts";

const endpoint = createServer((socket) => socket.on("error", () => {}).pipe(socket)).listen(0, "127.0.0.1");
await once(endpoint, "listening");
const ip = parseIp("127.0.0.1");
const to = { ip, port: (endpoint.address() as AddressInfo).port };
const chosen = chooseEngine("native", () => loadAddon((workerData as string | null) ?? undefined));
if (chosen.name !== "native") throw new Error("not built");
const router = {
  changed: () => {},
  route: (flows: readonly unknown[]) => flows.map(() => ({ kind: "forward", to }) as const),
};
const engine = createNativeEngine(chosen.addon, router, {
  counters: createCounterMemory(),
  policy: policyOf("iptables", { modern: false, udpIdleMs: undefined }),
  backlog: 128,
  maxUdpFlows: 16,
});
const spec = { at: { ip, port: 0 }, reusePort: false, first: true, group: "g" };
const [tcp, udp] = await engine.open([
  { ...spec, id: 0, proto: TCP },
  { ...spec, id: 1, proto: UDP },
]);
if (tcp === undefined || "failure" in tcp || udp === undefined || "failure" in udp) throw new Error("not listening");

function converse(port: number): void {
  const socket = connect(port, "127.0.0.1", () => socket.write(Buffer.alloc(100_000)));
  socket.on("data", () => socket.destroy());
  socket.on("error", () => {});
  socket.once("close", () => converse(port));
}
const datagrams = createSocket("udp4").on("error", () => {});
const { port: udpPort } = udp.bound;
setInterval(() => datagrams.send("x", udpPort, "127.0.0.1"), 1);
for (let one = 0; one < 20; one += 1) converse(tcp.bound.port);
parentPort!.postMessage("busy", []);
