/**
 * Three network namespaces: a client, a node that routes, and a server. What comes in at each end is remembered by a
 * rule of its own, and nobody answers: no rule of the node sees another packet than the one that was sent.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { exec, execOk } from "../../../../src/host/exec.ts";
import { type Namespace, openNamespace } from "../../../support/namespace.ts";
import type { SentPacket } from "./packet-sender.ts";

export const clientIps = ["10.1.0.2", "10.1.0.3", "10.1.0.4"] as const;
export const serverIps = ["10.2.0.2", "10.2.0.3", "10.2.0.4", "10.2.0.5"] as const;
export const nodeIps = ["10.1.0.1", "10.2.0.1", "10.2.0.9"] as const;
/** Addresses that nobody has; the node's default route leads to the server. */
export const serviceIps = ["10.96.0.1", "10.96.0.10"] as const;

/** Where a packet arrived, and with which addresses. */
export interface Arrived {
  readonly at: "client" | "node" | "server";
  readonly src: string;
  readonly srcPort: number;
  readonly dst: string;
  readonly dstPort: number;
}

export interface KernelNetwork {
  readonly node: Namespace;
  send(from: "client" | "node", packet: SentPacket): Promise<void>;
  /** What arrived since it was asked last. */
  arrived(): Promise<readonly Arrived[]>;
  /** Forgets all connections of the node. */
  forget(): Promise<void>;
  close(): Promise<void>;
}

const watchTable = (hook: string, priority: number, drops: boolean): string => `
table ip watch {
  set seen { type ipv4_addr . inet_service . ipv4_addr . inet_service; size 4096; flags dynamic; }
  chain watch {
    type filter hook ${hook} priority ${priority}; policy accept;
    meta l4proto { tcp, udp } update @seen { ip saddr . th sport . ip daddr . th dport } counter
    ${drops ? "drop" : ""}
  }
}`;

/** @returns why this host cannot make them, where it cannot. */
export async function openKernelNetwork(): Promise<KernelNetwork | string> {
  const names = ["c", "n", "s"].map((letter) => `sluice-${letter}${process.pid}`);
  const opened = await Promise.all(names.map((name) => openNamespace(name)));
  const refused = opened.find((one) => typeof one === "string");
  if (refused !== undefined) return refused;
  const [client, node, server] = opened as [Namespace, Namespace, Namespace];
  // Neighbour discovery would be packets that nobody sent.
  for (const one of [client, node, server]) await one.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1");
  await connectAll(names as [string, string, string], client, node, server);
  await watch(client, watchTable("prerouting", -450, true));
  await watch(server, watchTable("prerouting", -450, true));
  // Behind everything that decides.
  await watch(node, watchTable("input", 500, false));
  await watch(node, noErrors);
  const senders = { client: startSender(client), node: startSender(node) };
  return {
    node,
    send: (from, packet) => senders[from].send(packet),
    async arrived() {
      const all = await Promise.all([listed("client", client), listed("node", node), listed("server", server)]);
      return all.flat();
    },
    async forget() {
      await exec([...node.through, "conntrack", "-F"]);
    },
    async close() {
      for (const sender of Object.values(senders)) sender.stop();
      for (const namespace of [client, node, server]) await namespace.close();
    },
  };
}

async function connectAll(
  [c, n, s]: readonly [string, string, string],
  client: Namespace,
  node: Namespace,
  server: Namespace,
): Promise<void> {
  await execOk(["ip", "link", "add", "c0", "netns", n, "type", "veth", "peer", "name", "eth0", "netns", c]);
  await execOk(["ip", "link", "add", "s0", "netns", n, "type", "veth", "peer", "name", "eth0", "netns", s]);
  const ip = (where: Namespace, text: string): Promise<string> => where.run("ip", ...text.split(" "));
  for (const address of clientIps) await ip(client, `addr add ${address}/24 dev eth0`);
  for (const address of serverIps) await ip(server, `addr add ${address}/24 dev eth0`);
  await ip(node, "addr add 10.1.0.1/24 brd + dev c0");
  await ip(node, "addr add 10.2.0.1/24 brd + dev s0");
  await ip(node, "addr add 10.2.0.9/24 brd + dev s0");
  await ip(client, "link set eth0 up");
  await ip(server, "link set eth0 up");
  for (const device of ["c0", "s0"]) await ip(node, `link set ${device} up`);
  await ip(client, "route add default via 10.1.0.1");
  await ip(server, "route add default via 10.2.0.1");
  await ip(node, "route add default via 10.2.0.2");
  const settings = ["ip_forward=1", "conf.all.route_localnet=1", "conf.all.rp_filter=0", "conf.default.rp_filter=0"];
  for (const setting of [...settings, "conf.c0.rp_filter=0", "conf.s0.rp_filter=0"]) {
    await node.run("sysctl", "-qw", `net.ipv4.${setting}`);
  }
}

/** An ICMP error would be one more packet that rules see: none leaves the node. */
const noErrors = `
table ip silent {
  chain silent {
    type filter hook output priority -450; policy accept;
    meta l4proto icmp drop
  }
}`;

async function watch(where: Namespace, table: string): Promise<void> {
  await execOk([...where.through, "nft", "-f", "-"], { input: table });
}

async function listed(at: Arrived["at"], where: Namespace): Promise<readonly Arrived[]> {
  const text = await where.run("nft", "-j", "list", "set", "ip", "watch", "seen");
  const { nftables } = JSON.parse(text) as { nftables: { set?: { elem?: unknown[] } }[] };
  const elements = nftables.flatMap(({ set }) => set?.elem ?? []);
  if (elements.length > 0) await where.run("nft", "flush", "set", "ip", "watch", "seen");
  return elements.map((element) => {
    const { elem } = element as { elem?: { val: { concat: unknown[] } } };
    const { concat } = elem?.val ?? (element as { concat: unknown[] });
    const [src, srcPort, dst, dstPort] = concat as [string, number, string, number];
    return { at, src, srcPort, dst, dstPort };
  });
}

interface Sender {
  send(packet: SentPacket): Promise<void>;
  stop(): void;
}

function startSender({ through }: Namespace): Sender {
  const script = fileURLToPath(new URL("packet-sender.js", import.meta.url));
  const [command, ...args] = [...through, process.execPath, script, "serve"];
  const child: ChildProcess = spawn(command!, args, { stdio: ["pipe", "pipe", "inherit"] });
  const answers = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return {
    async send(packet) {
      child.stdin!.write(`${JSON.stringify(packet)}\n`);
      const { done } = await answers.next();
      if (done === true) throw new Error("the sender ended");
    },
    stop: () => child.stdin!.end(),
  };
}
