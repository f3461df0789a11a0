/** A client that a service sends to itself, over a bridge of a kernel of its own: what ip -d tells is what happens. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { parseIpAddr, parseIpRoute } from "../../src/dataplane/emulated/netfilter/parse-ip-json.ts";
import { askedService } from "../../src/explain/asked-service.ts";
import { assembleNode } from "../../src/explain/assemble-node.ts";
import { reasonsOf } from "../../src/explain/reasons.ts";
import { tracePacket } from "../../src/explain/trace-packet.ts";
import { exec } from "../../src/host/exec.ts";
import { parseIptables } from "../../src/modes/iptables/parse.ts";
import { parseIp } from "../../src/net/ip.ts";
import { type Namespace, openNamespace } from "../support/namespace.ts";
import { suite } from "../support/suite.ts";

const [node, pod] = await Promise.all(["n", "p"].map((letter) => openNamespace(`sluice-h${letter}${process.pid}`)));
const callsIptables = existsSync("/proc/sys/net/bridge/bridge-nf-call-iptables");
const test = suite("hairpin in the kernel");

const RULES = `*nat
:PREROUTING ACCEPT
:POSTROUTING ACCEPT
-A PREROUTING -d 198.51.100.1/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.1.0.9:8080
-A POSTROUTING -s 10.1.0.9/32 -d 10.1.0.9/32 -j MASQUERADE
COMMIT
`;
const LISTEN = `require("net").createServer((s) => s.end()).listen(8080, "10.1.0.9", () => console.log("up"))`;
const CONNECT = `const s = require("net").connect(80, "198.51.100.1", () => process.exit(0));
s.on("error", () => process.exit(1)); setTimeout(() => process.exit(1), 1500);`;

async function connectPod(host: Namespace, client: Namespace): Promise<void> {
  await host.run("ip", "link", "add", "cni0", "type", "bridge");
  await host.run("ip", "addr", "add", "10.1.0.1/24", "dev", "cni0");
  await host.run("ip", "link", "set", "cni0", "up");
  await host.run("ip", "link", "add", "veth1", "type", "veth", "peer", "name", "eth0", "netns", client.through[3]);
  await host.run("ip", "link", "set", "veth1", "master", "cni0", "up");
  await client.run("ip", "addr", "add", "10.1.0.9/24", "dev", "eth0");
  await client.run("ip", "link", "set", "eth0", "up");
  await client.run("ip", "route", "add", "default", "via", "10.1.0.1");
  await host.run("sysctl", "-qw", "net.ipv4.ip_forward=1");
  await exec([...host.through, "iptables-restore"], { input: RULES });
}

async function listen({ through }: Namespace): Promise<ChildProcess> {
  const [command, ...args] = [...through, process.execPath, "-e", LISTEN];
  const server = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  await once(server.stdout, "data");
  return server;
}

/** What the trace says of a client that meets itself, by the dumps that the node gives of itself. */
async function traced({ run }: Namespace): Promise<string> {
  const interfaces = parseIpAddr(await run("ip", "-d", "-j", "addr"));
  const routes = parseIpRoute(await run("ip", "-j", "route"));
  const parts = { addresses: [], iptables: [parseIptables(RULES, 4)], interfaces, routes };
  const assembled = assembleNode(parts).node;
  const [src, dst] = [parseIp("10.1.0.9"), parseIp("198.51.100.1")];
  const head = { proto: 6, src, srcPort: 40_000, dst, dstPort: 80 };
  const known = { parts, routing: assembled.routing, frontends: [], servicePorts: [] };
  return reasonsOf(tracePacket(assembled, head), askedService(known, head)).join("\n");
}

async function withPod(host: Namespace, client: Namespace): Promise<void> {
  await connectPod(host, client);
  const server = await listen(client);
  try {
    for (const [calls, mode, connects, said] of [
      ["0", "off", true, /no port of cni0 has hairpin mode, so that it is lost if the bridge calls iptables/],
      ["0", "on", true, /all ports of cni0 have hairpin mode, and turn it round/],
      ["1", "off", false, /no port of cni0 has hairpin mode, so that it is lost if the bridge calls iptables/],
      ["1", "on", true, /all ports of cni0 have hairpin mode, and turn it round/],
    ] as const) {
      await host.run("sysctl", "-qw", `net.bridge.bridge-nf-call-iptables=${calls}`);
      await host.run("ip", "link", "set", "veth1", "type", "bridge_slave", "hairpin", mode);
      const { exitCode } = await exec([...client.through, process.execPath, "-e", CONNECT]);
      assert.equal(exitCode === 0, connects, `iptables called: ${calls}, hairpin ${mode}`);
      assert.match(await traced(host), said);
    }
  } finally {
    server.kill();
    await once(server, "exit");
  }
}

const obstacle = [node, pod].find((one) => typeof one === "string");
if (typeof node !== "object" || typeof pod !== "object") test.skip("a bridge's ports", String(obstacle));
else {
  test.after(async () => {
    await node.close();
    await pod.close();
  });
  if (callsIptables) test("a bridge's ports, with and without hairpin mode", () => withPod(node, pod));
  else test.skip("a bridge's ports", "the kernel has no br_netfilter");
}
