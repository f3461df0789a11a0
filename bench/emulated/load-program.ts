/** Reads a dump as a user's command does, in a process of its own, answers one trace, and prints what that took. */
import { partsOfDumps, readDumps } from "../../src/cli/trace-dumps.ts";
import { assembleNode } from "../../src/explain/assemble-node.ts";
import { tracePacket } from "../../src/explain/trace-packet.ts";
import { parseIp } from "../../src/net/ip.ts";

const [file = "", to = "", port = ""] = process.argv.slice(2);
const start = performance.now();
const cpuStart = process.cpuUsage();
const parts = partsOfDumps(await readDumps({ iptablesSave: file }));
const { node } = assembleNode({ ...parts, addresses: [parseIp("192.168.10.5")] });
const loaded = performance.now();
const { user, system } = process.cpuUsage(cpuStart);
const head = { proto: 6, src: parseIp("203.0.113.9"), srcPort: 40_000, dst: parseIp(to), dstPort: Number(port) };
const { outcomes } = tracePacket(node, head);
const first = performance.now();
tracePacket(node, { ...head, srcPort: 40_001 });
const second = performance.now();

console.log(
  JSON.stringify({
    loadMs: loaded - start,
    loadCpuMs: (user + system) / 1000,
    firstTraceMs: first - loaded,
    traceMs: second - first,
    peakMb: process.resourceUsage().maxRSS / 1024,
    outcomes: outcomes.filter(({ verdict }) => verdict === "forward").length,
  }),
);
