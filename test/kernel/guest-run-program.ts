/** Runs inside a guest: has `sluice` program its kernel, sends traffic through it, and prints what came of it as JSON. */
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { setTimeout as wait } from "node:timers/promises";
import { createAgent } from "../../src/agent/agent.ts";
import { loadConfig } from "../../src/agent/config/read.ts";
import { agentOptionsOf } from "../../src/agent/agent-options.ts";
import { loadCluster } from "../../src/cluster/load.ts";
import { createKernelDataplane } from "../../src/dataplane/kernel/kernel.ts";
import { exec, execOk } from "../../src/host/exec.ts";
import { ownAddresses } from "../../src/host/own-addresses.ts";
import {
  clusterText,
  config,
  drain,
  endpointIps,
  NODE_PORT,
  nodeIps,
  web,
  WEB_ENDPOINT_PORT,
} from "./guest-run-cluster.ts";
import { type Dumps, dumpKernel } from "./guest-kernel.ts";
import { clientOf, CONNECTIONS } from "./guest-report.ts";
import type { RunPart, RunReport, TrafficReport } from "./guest-run-report.ts";
import { nextLine, openTcp, serveTcp } from "./guest-traffic.ts";

const main = fileURLToPath(import.meta.url).replace(/test\/kernel\/.*(\.[jt]s)$/, "src/cli/main$1");
const [configFile, clusterFile] = ["/run/config.yaml", "/run/cluster.json"];
const sysctls = ["net/ipv4/vs/conntrack", "net/ipv4/vs/expire_nodest_conn", "net/ipv4/conf/all/arp_ignore"];
const dumped = (): Promise<Dumps> => dumpKernel(sysctls);

/** As `sluice run --once`, without the seconds that a process takes to start in a guest. */
async function sync(dataplane = createKernelDataplane()): Promise<void> {
  const settings = agentOptionsOf(await loadConfig(configFile), ownAddresses);
  const { snapshot } = await loadCluster([clusterFile]);
  await createAgent({ ...settings, dataplane }).sync(snapshot, "node-a");
}

/** What it would run, with the input of each. */
async function told(): Promise<readonly string[]> {
  const all: string[] = [];
  await sync(createKernelDataplane({ onlyTell: ({ argv, input }) => all.push(`${argv.join(" ")}\n${input}`) }));
  return all;
}

async function failure(work: () => Promise<void>): Promise<string> {
  return await work().then(
    () => "it did not fail",
    ({ message }: Error) => message,
  );
}

/** The node's addresses; and of others rules, a set, and virtual servers: in a range that is excluded, and by mark. */
async function others(): Promise<void> {
  const device = "link add node0 type dummy\nlink set node0 up\n";
  const addresses = `address add ${nodeIps[0]}/24 dev node0\naddress add ${nodeIps[1]}/64 dev node0 nodad\n`;
  await execOk(["ip", "-batch", "-"], { input: device + addresses });
  const rules = "*filter\n:MINE - [0:0]\n-A INPUT -s 10.9.9.9/32 -j MINE\n-A MINE -j ACCEPT\nCOMMIT\n";
  await execOk(["iptables-restore", "--noflush"], { input: rules });
  await execOk(["ipset", "restore"], { input: "create MINE hash:ip\nadd MINE 10.9.9.9\n" });
  await execOk(["ipvsadm", "-R"], { input: "-A -t 198.51.100.1:80 -s rr\n-A -f 7 -s rr\n" });
}

async function serve(): Promise<void> {
  const clients = Array.from({ length: CONNECTIONS }, (_, index) => clientOf(index).ip);
  const ips = new Set([...endpointIps, ...clients]);
  await execOk(["ip", "-batch", "-"], { input: [...ips].map((ip) => `address add ${ip}/32 dev lo\n`).join("") });
  for (const ip of endpointIps) {
    for (const port of [WEB_ENDPOINT_PORT, drain.endpointPort]) await serveTcp({ ip, port });
  }
}

/** A command that fails stands before the host's own. */
async function whileBroken<T>(command: string, body: () => Promise<T>): Promise<T> {
  mkdirSync("/run/broken", { recursive: true });
  writeFileSync(`/run/broken/${command}`, "#!/bin/sh\necho broken for a while >&2\nexit 1\n", { mode: 0o755 });
  const path = process.env["PATH"]!;
  process.env["PATH"] = `/run/broken:${path}`;
  try {
    return await body();
  } finally {
    process.env["PATH"] = path;
  }
}

async function picks(): Promise<readonly string[]> {
  const opened = [];
  for (let index = 0; index < CONNECTIONS; index += 1) opened.push(await openTcp(web, clientOf(index)));
  for (const { socket } of opened) socket.destroy();
  return opened.map(({ answer }) => answer);
}

async function answerAtNodePort(): Promise<string> {
  const { socket, answer } = await openTcp({ ip: nodeIps[0], port: NODE_PORT });
  socket.destroy();
  return answer;
}

async function drained(): Promise<TrafficReport["drain"]> {
  const dataplane = createKernelDataplane();
  const { socket, answer } = await openTcp(drain, clientOf(0));
  writeFileSync(clusterFile, clusterText(answer));
  await sync(dataplane);
  const during = await execOk(["ipvsadm", "-S", "-n"]);
  socket.write("still here\n");
  const echo = await nextLine(socket);
  // The kernel then forgets an open connection after a second without packets.
  await execOk(["ipvsadm", "--set", "1", "1", "1"]);
  socket.write("once more\n");
  await nextLine(socket);
  await untilNoneAt(`${answer}:${drain.endpointPort}`);
  await sync(dataplane);
  socket.destroy();
  return { server: answer, during, echo, after: await execOk(["ipvsadm", "-S", "-n"]) };
}

async function untilNoneAt(server: string): Promise<void> {
  for (let tries = 0; tries < 50; tries += 1) {
    const listed = (await execOk(["ipvsadm", "-L", "-n"])).split("\n");
    if (listed.some((line) => line.includes(`-> ${server} `) && / 0 +0 *$/.test(line))) return;
    await wait(200);
  }
}

async function traffic(): Promise<TrafficReport> {
  await serve();
  return { picks: await picks(), nodePort: await answerAtNodePort(), drain: await drained() };
}

/** Words of the command line say which parts are wanted. */
async function asked<T>(part: RunPart, work: () => Promise<T>): Promise<T | undefined> {
  return process.argv.includes(part, 2) ? await work() : undefined;
}

writeFileSync(configFile, config);
writeFileSync(clusterFile, clusterText());
await others();
const before = await dumped();
const broken = await asked("broken", () => whileBroken("iptables-restore", () => failure(() => sync())));
const command = [process.execPath, main, "run", "--once", "--dataplane", "kernel"] as const;
const run = await exec([...command, "--config", configFile, "-f", clusterFile], { timeoutMs: 300_000 });
const after = await dumped();
const timeouts = await execOk(["ipvsadm", "-L", "--timeout"]);
const again = await told();
const report: RunReport = {
  before,
  broken,
  run,
  after,
  timeouts,
  again,
  traffic: await asked("traffic", traffic),
  cleaned: await asked("cleaned", () => createKernelDataplane().cleanup().then(dumped)),
  unable: await asked("unable", () =>
    failure(async () => {
      writeFileSync(configFile, config.replace("scheduler: wlc", "scheduler: ovf"));
      await sync();
    }),
  ),
};
process.stdout.write(JSON.stringify(report), () => process.exit());
