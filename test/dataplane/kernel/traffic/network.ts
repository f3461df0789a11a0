/** The recorder's network, of namespaces: a node to program, a client and a second node beside it, pods behind both. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { exec, execOk } from "../../../../src/host/exec.ts";
import { threadFile } from "../../../../src/host/thread-file.ts";
import type { Attempt, Job } from "./job.ts";

/** Where clients are. */
export const places = ["client", "pod-client", "node"] as const;
export type Place = (typeof places)[number];

/** Local pods, each on a link of its own, by the last part of their addresses; remote ones are addresses of nodeb. */
const localPods = { "pod-a": 10, "pod-b": 11, "pod-client": 50 } as const;
const remotePods = { "pod-c": 10, "pod-d": 11, "pod-e": 12 } as const;
const BACKEND_PORT = 8080;

export interface Network {
  /** The node's namespace. */
  readonly node: string;
  run(place: Place, job: Job): Promise<readonly Attempt[]>;
  close(): Promise<void>;
}

const program = (name: string): string => fileURLToPath(threadFile(import.meta.url, name));
const through = (namespace: string): readonly string[] => ["netns", "exec", namespace, process.execPath];

/** @throws {SluiceError} COMMAND_FAILED without root. */
export async function openNetwork(prefix: string): Promise<Network> {
  const names: string[] = [];
  const processes: ChildProcess[] = [];
  const close = async (): Promise<void> => {
    for (const child of processes) child.kill("SIGKILL");
    for (const name of names) await exec(["ip", "netns", "delete", name]);
  };
  const add = async (name: string): Promise<string> => {
    await execOk(["ip", "netns", "add", `${prefix}-${name}`]);
    names.push(`${prefix}-${name}`);
    return `${prefix}-${name}`;
  };
  try {
    const namespaces = await build(add);
    for (const [place, backends] of backendsOf(namespaces)) processes.push(await startBackends(place, backends));
    const clients = places.map((place) => [place, startClient(namespaces[place]!)] as const);
    processes.push(...clients.map(([, { child }]) => child));
    const byPlace = Object.fromEntries(clients) as Record<Place, Client>;
    return { node: namespaces["node"]!, run: (place, job) => byPlace[place].run(job), close };
  } catch (error) {
    await close();
    throw error;
  }
}

type Namespaces = Readonly<Record<string, string>>;

async function build(add: (name: string) => Promise<string>): Promise<Namespaces> {
  const [sw, node, client, nodeb] = [await add("sw"), await add("node"), await add("client"), await add("nodeb")];
  const inside = (namespace: string, ...lines: readonly string[]): Promise<string> =>
    execOk(["ip", "-n", namespace, "-batch", "-"], { input: `${lines.join("\n")}\n` });
  await inside(sw, "link add br0 type bridge", "link set br0 up");
  for (const namespace of [node, client, nodeb]) {
    const port = `p${namespace.slice(-6)}`;
    await inside(sw, `link add ${port} type veth peer name eth0 netns ${namespace}`);
    await inside(sw, `link set ${port} master br0`, `link set ${port} up`);
    await inside(namespace, "link set lo up", "link set eth0 up");
  }
  await inside(
    node,
    "addr add 192.168.10.5/24 dev eth0",
    "addr add fd00:192:168:10::5/64 dev eth0 nodad",
    "route add default via 192.168.10.1",
    // What goes there is lost in silence; asked for its address in vain, it would be unreachable after three seconds.
    "neigh add 192.168.10.1 lladdr 02:00:00:00:00:01 dev eth0",
    "route add 10.244.2.0/24 via 192.168.10.6",
    "route add fd00:10:244:2::/64 via fd00:192:168:10::6",
  );
  const viaNode = ["route add default via 192.168.10.5", "route add default via fd00:192:168:10::5"];
  const clientIps = Array.from({ length: 40 }, (_, i) => `addr add 192.168.10.${100 + i}/24 dev eth0`);
  await inside(client, ...clientIps, "addr add fd00:192:168:10::100/64 dev eth0 nodad", ...viaNode);
  const remote = Object.values(remotePods).flatMap((last) => [
    `addr add 10.244.2.${last}/32 dev lo`,
    `addr add fd00:10:244:2::${last}/128 dev lo nodad`,
  ]);
  const own = ["addr add 192.168.10.6/24 dev eth0", "addr add fd00:192:168:10::6/64 dev eth0 nodad"];
  await inside(nodeb, ...own, ...remote, ...viaNode);
  const settings = ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv4.conf.all.rp_filter=0"];
  // A client without a backend has to be told each time.
  const unlimited = ["net.ipv4.conf.default.rp_filter=0", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0"];
  await execOk(["ip", "netns", "exec", node, "sysctl", "-qw", ...settings, ...unlimited]);

  const pods: Record<string, string> = {};
  for (const [name, last] of Object.entries(localPods)) {
    const pod = (pods[name] = await add(name));
    const link = `v${name.slice(0, 9)}`;
    await inside(node, `link add ${link} type veth peer name eth0 netns ${pod}`);
    await inside(
      node,
      `link set ${link} up`,
      `addr add 10.244.1.1/32 dev ${link}`,
      `addr add fd00:10:244:1::1/128 dev ${link} nodad`,
      `route add 10.244.1.${last}/32 dev ${link}`,
      `route add fd00:10:244:1::${last}/128 dev ${link}`,
    );
    await inside(
      pod,
      "link set lo up",
      "link set eth0 up",
      `addr add 10.244.1.${last}/32 dev eth0`,
      `addr add fd00:10:244:1::${last}/128 dev eth0 nodad`,
      "route add 10.244.1.1/32 dev eth0",
      "route add default via 10.244.1.1",
      "route add fd00:10:244:1::1/128 dev eth0",
      "route add default via fd00:10:244:1::1",
    );
  }
  return { node, client, nodeb, ...pods };
}

/** Namespace and what answers there. */
function backendsOf(namespaces: Namespaces): readonly (readonly [string, readonly string[]])[] {
  const at = (id: string, net: 1 | 2, last: number): readonly string[] =>
    [`10.244.${net}.${last}`, `fd00:10:244:${net}::${last}`].map((ip) => `${id}@${ip}@${BACKEND_PORT}`);
  return [
    [namespaces["pod-a"]!, at("pod-a", 1, localPods["pod-a"])],
    [namespaces["pod-b"]!, at("pod-b", 1, localPods["pod-b"])],
    [namespaces["nodeb"]!, Object.entries(remotePods).flatMap(([id, last]) => at(id, 2, last))],
  ];
}

async function startBackends(namespace: string, backends: readonly string[]): Promise<ChildProcess> {
  const args = [...through(namespace), program("backend-program"), ...backends];
  const child = spawn("ip", args, { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise<void>((resolve, reject) => {
    child.stdout.once("data", () => resolve());
    child.once("close", () => reject(new Error("a backend ended")));
  });
  return child;
}

interface Client {
  readonly child: ChildProcess;
  run(job: Job): Promise<readonly Attempt[]>;
}

function startClient(namespace: string): Client {
  const child = spawn("ip", [...through(namespace), program("client-program")], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  return {
    child,
    run: (job) =>
      new Promise((resolve) => {
        lines.once("line", (line) => resolve(JSON.parse(line) as Attempt[]));
        child.stdin.write(`${JSON.stringify(job)}\n`);
      }),
  };
}
