/** Runs inside a guest: loads a program into its kernel, sends traffic through it, and prints what came of it as JSON. */
import { release } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import { exec, execOk } from "../../src/host/exec.ts";
import { planIpvs } from "../../src/modes/ipvs/plan.ts";
import { renderSteps } from "../../src/modes/ipvs/render-steps.ts";
import {
  clusterIpOf,
  endpointIps,
  endpointPortOf,
  guestTables,
  nodeIps,
  outside,
  schedulers,
  type ServiceName,
  servicePortOf,
} from "./guest-cluster.ts";
import { foreignServers, foreignSets } from "./guest-foreign.ts";
import { type Dumps, dumpKernel, runCommands, stateOf } from "./guest-kernel.ts";
import { clientOf, CONNECTIONS, type Drain, type GuestPart, type GuestReport, type Load } from "./guest-report.ts";
import { type Address, askUdp, nextLine, openTcp, serveTcp, serveUdp } from "./guest-traffic.ts";

/** Of a server on the host that is no service's. */
const HOST_PORT = 9999;
const picked: readonly ServiceName[] = [...schedulers, "sticky"];
const sysctls = guestTables(4).around!.sysctls.filter(({ kernels }) => kernels === undefined);

/** @param rules see `dumpKernel`. */
async function dumped(rules?: Dumps): Promise<Dumps> {
  return await dumpKernel(
    sysctls.map(({ path }) => path),
    rules,
  );
}

/**
 * Only the first one changes rules.
 *
 * @param before what the kernel holds.
 * @param gone as in `guestTables`.
 */
async function load(before: Dumps, gone?: string): Promise<Load> {
  const state = stateOf(before, release());
  const plans = ([4, 6] as const).map((family) => planIpvs(guestTables(family, gone), state));
  const commands = plans.flatMap(({ steps }) => renderSteps(steps));
  return {
    steps: plans.flatMap(({ steps }) => steps.map(({ kind }) => kind)),
    complaints: [...(await runCommands(commands)), ...(await runCommands(commands))],
    draining: plans.flatMap(({ draining }) => draining.map(({ of, connections }) => `${of} ${connections}`)),
    dumps: await dumped(before.addresses === undefined ? undefined : before),
  };
}

async function serve(): Promise<void> {
  const clients = Array.from({ length: CONNECTIONS }, (_, index) => clientOf(index).ip);
  const ips = new Set([...endpointIps, ...clients, nodeIps[0]]);
  const input = [...ips].map((ip) => `address add ${ip}/32 dev lo\n`).join("");
  await execOk(["ip", "-batch", "-"], { input });
  for (const ip of endpointIps) {
    for (const name of [...picked, "open", "drain"] as const) await serveTcp({ ip, port: endpointPortOf(name) });
    await serveUdp({ ip, port: endpointPortOf("dns") });
  }
  await serveTcp({ ip: "0.0.0.0", port: HOST_PORT });
}

function at(name: ServiceName): Address {
  return { ip: clusterIpOf(name), port: servicePortOf(name) };
}

/** One connection after the other, all held until the last one is open. */
async function picksOf(name: ServiceName): Promise<readonly string[]> {
  const opened = [];
  for (let index = 0; index < CONNECTIONS; index += 1) opened.push(await openTcp(at(name), clientOf(index)));
  for (const { socket } of opened) socket.destroy();
  return opened.map(({ answer }) => answer);
}

async function picks(): Promise<NonNullable<GuestReport["picks"]>> {
  const all: [ServiceName, readonly string[]][] = [];
  for (const name of picked) all.push([name, await picksOf(name)]);
  const answers: string[] = [];
  for (let index = 0; index < CONNECTIONS; index += 1) answers.push(await askUdp(at("dns"), clientOf(index)));
  return Object.fromEntries([...all, ["dns", answers]]);
}

/** Long enough for one packet that is dropped, and for the next one. */
const DROPPED_MS = 2500;

async function answerAt(ip: string, port: number, patienceMs?: number): Promise<string> {
  const { socket, answer } = await openTcp({ ip, port }, undefined, patienceMs);
  socket.destroy();
  return answer;
}

async function answers(): Promise<NonNullable<GuestReport["answers"]>> {
  return {
    externalIp: await answerAt(outside.externalIp, servicePortOf("open")),
    nodePort: await answerAt(nodeIps[0], outside.nodePort),
    loadBalancerIp: await answerAt(outside.loadBalancerIp, servicePortOf("open"), DROPPED_MS),
    hostPort: await answerAt(nodeIps[0], HOST_PORT),
    hostPortByVip: await answerAt(clusterIpOf("rr"), HOST_PORT),
  };
}

/** A server that is to go keeps the connection that it has, and goes when that is over. */
async function drain(known: Dumps): Promise<Drain> {
  const { socket, answer } = await openTcp(at("drain"), clientOf(0));
  const during = await load(await dumped(known), answer);
  socket.write("still here\n");
  const echo = await nextLine(socket);
  // The kernel then forgets an open connection after a second without packets.
  await execOk(["ipvsadm", "--set", "1", "1", "1"]);
  socket.write("once more\n");
  await nextLine(socket);
  await untilNoneAt(`${answer}:${endpointPortOf("drain")}`);
  const after = await load(await dumped(known), answer);
  socket.destroy();
  return { server: answer, during, echo, after };
}

async function untilNoneAt(server: string): Promise<void> {
  for (let tries = 0; tries < 50; tries += 1) {
    const listed = (await execOk(["ipvsadm", "-L", "-n"])).split("\n");
    if (listed.some((line) => line.includes(`-> ${server} `) && / 0 +0 *$/.test(line))) return;
    await wait(200);
  }
}

async function foreign(known: Dumps): Promise<NonNullable<GuestReport["foreign"]>> {
  await execOk(["ipset", "restore"], { input: foreignSets });
  const { stderr } = await exec(["ipvsadm", "-R"], { input: foreignServers });
  if (stderr !== "") throw new Error(stderr);
  const before = await dumped(known);
  return { before, after: await load(before) };
}

/** Words of the command line say which parts are wanted. */
async function asked<T>(part: GuestPart, work: () => Promise<T>): Promise<T | undefined> {
  return process.argv.includes(part, 2) ? await work() : undefined;
}

const first = await load(await dumped());
const second = await asked("second", () => load(first.dumps));
await serve();
const report: GuestReport = {
  first,
  second,
  picks: await asked("picks", picks),
  answers: await asked("answers", answers),
  drain: await asked("drain", () => drain(first.dumps)),
  foreign: await asked("foreign", () => foreign(first.dumps)),
};
process.stdout.write(JSON.stringify(report), () => process.exit());
