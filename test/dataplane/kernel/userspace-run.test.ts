/** `sluice run --mode userspace --bind portals`: packets for services reach the proxy, as behind kube-proxy 1.25. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { exec, type RunningCommand, startCommand } from "../../../src/host/exec.ts";
import { openNamespace } from "../../support/namespace.ts";
import { suite } from "../../support/suite.ts";
import { obstacle } from "./in-kernel.ts";

const main = fileURLToPath(import.meta.url).replace(/test\/dataplane\/.*(\.[jt]s)$/, "src/cli/main$1");
const folder = mkdtempSync(join(tmpdir(), "sluice-portals-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const NODE_IP = "192.168.10.5";
const CLUSTER_IP = "10.96.0.10";
const endpoints = ["127.0.0.2", "127.0.0.3"];

function fileOf(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

const service = (name: string, ip: string, protocol: "TCP" | "UDP", more: object = {}): readonly object[] => {
  const ports = [{ name: "main", protocol, port: 80, ...more }];
  const subset = { addresses: endpoints.map((at) => ({ ip: at })), ports: [{ name: "main", protocol, port: 8080 }] };
  return [
    { apiVersion: "v1", kind: "Service", metadata: { name }, spec: { type: "NodePort", clusterIP: ip, ports } },
    { apiVersion: "v1", kind: "Endpoints", metadata: { name }, subsets: [subset] },
  ];
};
const items = [
  {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "node-a" },
    status: { addresses: [{ type: "InternalIP", address: NODE_IP }] },
  },
  ...service("web", CLUSTER_IP, "TCP", { nodePort: 30_080 }),
  ...service("dns", "10.96.0.53", "UDP"),
];
const cluster = fileOf("cluster.json", JSON.stringify({ apiVersion: "v1", kind: "List", items }));
const config = fileOf(
  "config.yaml",
  `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: userspace
hostnameOverride: node-a
bindAddress: ${NODE_IP}
portRange: 36000-36009
oomScoreAdj: 0
conntrack: {maxPerCore: 0}
`,
);

/** Each endpoint says its own address, to connections and to datagrams. */
const serving = `for (const ip of ${JSON.stringify(endpoints)}) {
  require("node:net").createServer((socket) => socket.end(ip)).listen(8080, ip);
  const udp = require("node:dgram").createSocket("udp4");
  udp.on("message", (_, { address, port }) => udp.send(ip, port, address));
  udp.bind(8080, ip);
}
console.log("serving");`;
/** One after the other; prints who answered each. */
const asking = `const [kind, host, port, times] = process.argv.slice(1);
const ask = () => new Promise((resolve) => {
  if (kind === "udp") {
    const socket = require("node:dgram").createSocket("udp4");
    socket.on("message", (data) => { socket.close(); resolve(String(data)); });
    socket.send("?", port, host);
  } else {
    const socket = require("node:net").connect(port, host);
    socket.setTimeout(3000, () => { socket.destroy(); resolve("timeout"); });
    socket.on("data", (data) => resolve(String(data))).on("error", ({ code }) => resolve(code));
  }
});
(async () => {
  const answers = [];
  for (let n = 0; n < times; n += 1) answers.push(await ask());
  console.log(JSON.stringify(answers));
  process.exit();
})();`;

const missing = await obstacle("nf_tables");
const node = missing ?? (await openNamespace(`sluice-us-${process.pid}`));
const client = missing ?? (await openNamespace(`sluice-uc-${process.pid}`));
const test = suite("userspace mode with portals", { timeoutMs: 180_000, sampled: 1 });

if (typeof node === "string" || typeof client === "string") test.skip("everything", `${node as string}`);
else {
  const started: RunningCommand[] = [];
  const start = async (...argv: readonly [string, ...string[]]): Promise<RunningCommand> => {
    const running = startCommand([...node.through, ...argv]);
    started.push(running);
    for (let tries = 0; tries < 600 && !running.ended; tries += 1) {
      if (/engine|serving/.test(running.stdout())) return running;
      await wait(100);
    }
    throw new Error(running.stderr());
  };
  const proxy = (...more: readonly string[]): Promise<RunningCommand> =>
    start(process.execPath, main, "run", "--bind", "portals", "--workers", "1", "-f", cluster, ...more);
  const plain = ["--mode", "userspace", "--hostname-override", "node-a"] as const;
  const ask = async (from: typeof node, kind: "tcp" | "udp", host: string, port = 80, times = 1) => {
    const argv = ["-e", asking, kind, host, String(port), String(times)];
    return JSON.parse(await from.run(process.execPath, ...argv)) as readonly string[];
  };
  /** Without tables that somebody only looked at. */
  const rules = async (): Promise<string> => {
    const lines = (await node.run("iptables-save")).split("\n");
    return lines.filter((line) => /^(-A|:KUBE-)/.test(line)).join("\n");
  };

  test.before(async () => {
    const peer = client.through.at(-1)!;
    await node.run("ip", "link", "add", "outside", "type", "veth", "peer", "name", "eth0", "netns", peer);
    await node.run("ip", "address", "add", `${NODE_IP}/24`, "dev", "outside");
    await node.run("ip", "link", "set", "outside", "up");
    await node.run("ip", "route", "add", "default", "dev", "outside");
    await client.run("ip", "address", "add", "192.168.10.100/24", "dev", "eth0");
    await client.run("ip", "link", "set", "eth0", "up");
    await client.run("ip", "route", "add", "default", "via", NODE_IP);
    await start(process.execPath, "-e", serving);
  });
  test.after(async () => {
    for (const running of started) await running.stop("SIGKILL");
    await node.close();
    await client.close();
  });

  test("cluster IPs and node ports reach the endpoints in turn, from outside and from the node", async () => {
    const before = await rules();
    const running = await proxy(...plain);
    const inTurn = await ask(client, "tcp", CLUSTER_IP, 80, 6);
    assert.deepEqual(new Set(inTurn), new Set(endpoints));
    assert.deepEqual(inTurn.slice(2), inTurn.slice(0, -2));
    for (const [from, host, port] of [
      [client, NODE_IP, 30_080],
      [node, CLUSTER_IP, 80],
      [node, NODE_IP, 30_080],
      [node, "127.0.0.1", 30_080],
    ] as const) {
      assert.deepEqual(new Set(await ask(from, "tcp", host, port, 2)), new Set(endpoints), `${host}:${port}`);
    }
    for (const from of [client, node]) {
      assert.deepEqual(new Set(await ask(from, "udp", "10.96.0.53", 80, 2)), new Set(endpoints));
    }
    assert.equal(await running.stop(), 0, running.stderr());
    assert.equal(await rules(), before);
    assert.deepEqual(await ask(node, "tcp", NODE_IP, 30_080), ["ECONNREFUSED"]);
  });

  test("rules that a killed run left are taken over by the next one, and removed by cleanup", async () => {
    const empty = await rules();
    await (await proxy(...plain)).stop("SIGKILL");
    const left = await rules();
    assert.match(left, /-A KUBE-PORTALS-HOST/);
    const next = await proxy(...plain);
    assert.equal(await rules(), left);
    assert.deepEqual(await ask(client, "tcp", CLUSTER_IP, 80, 1).then(([one]) => endpoints.includes(one!)), true);
    await next.stop("SIGKILL");
    const { exitCode, stderr } = await exec([...node.through, process.execPath, main, "cleanup"], {
      timeoutMs: 60_000,
    });
    assert.equal(exitCode, 0, stderr);
    assert.equal(await rules(), empty);
  });

  test("a configuration says where proxy ports are, and health and metrics are served", async () => {
    const running = await proxy("--config", config);
    assert.match(await rules(), new RegExp(`DNAT --to-destination ${NODE_IP}:3600\\d$`, "m"));
    assert.doesNotMatch(await rules(), /REDIRECT/);
    assert.equal(endpoints.includes((await ask(client, "tcp", CLUSTER_IP))[0]!), true);
    const get = `fetch(process.argv[1]).then((answer) => answer.text()).then(console.log)`;
    const mode = await node.run(process.execPath, "-e", get, "http://127.0.0.1:10249/proxyMode");
    assert.equal(mode.trim(), "userspace");
    const metrics = await node.run(process.execPath, "-e", get, "http://127.0.0.1:10249/metrics");
    assert.match(metrics, /^kubeproxy_sync_proxy_rules_last_timestamp_seconds\{ip_family="IPv4"\} \d/m);
    assert.equal(await running.stop(), 0, running.stderr());
    assert.doesNotMatch(await rules(), /KUBE-/);
  });
}
