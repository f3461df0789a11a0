/**
 * Conntrack's words for packets in a kernel of its own, beside the emulator's: errors about known and unknown flows, and
 * TCP that no connection is known for. A full table is not among them: a kernel lets its first network namespace alone
 * say how many connections there may be, and that one is the host's.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type PacketHead, tcpFlagBits } from "../../../../src/dataplane/emulated/netfilter/packet.ts";
import { parseConntrack } from "../../../../src/dataplane/emulated/netfilter/parse-conntrack.ts";
import { parseIpAddr, parseIpRoute } from "../../../../src/dataplane/emulated/netfilter/parse-ip-json.ts";
import { assembleNode } from "../../../../src/explain/assemble-node.ts";
import { tracePacket } from "../../../../src/explain/trace-packet.ts";
import { execOk } from "../../../../src/host/exec.ts";
import { parseIptables } from "../../../../src/modes/iptables/parse.ts";
import { parseIp } from "../../../../src/net/ip.ts";
import { type Namespace, openNamespace } from "../../../support/namespace.ts";
import { suite } from "../../../support/suite.ts";
import type { PeerCommand } from "./tcp-peer.ts";

const CLIENT = "10.1.0.2";
const SERVER = "10.2.0.2";
const states = ["NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED"];
const counting = (kind: string, match: string): string[] =>
  states.map((state) => `-A FORWARD ${match} -m comment --comment ${kind}-${state} -m conntrack --ctstate ${state}`);
const rules = `*raw
:PREROUTING ACCEPT
-A PREROUTING -p udp -m udp --dport 9999 -j NOTRACK
COMMIT
*filter
:FORWARD ACCEPT
${[...counting("icmp", `-s ${SERVER}/32 -p icmp`), ...counting("tcp", `-s ${CLIENT}/32 -p tcp`)].join("\n")}
COMMIT
`;

const names = ["x", "y", "z"].map((letter) => `sluice-${letter}${process.pid}`) as [string, string, string];
const opened = await Promise.all(names.map(openNamespace));
const refused = opened.find((one) => typeof one === "string");
if (refused === undefined) await connectAll(opened as Namespace[]);
const test = suite("netfilter emulator: conntrack's words in the kernel", { timeoutMs: 120_000 });

async function connectAll([client, node, server]: readonly Namespace[]): Promise<void> {
  const [c, n, s] = names;
  await execOk(["ip", "link", "add", "c0", "netns", n, "type", "veth", "peer", "name", "eth0", "netns", c]);
  await execOk(["ip", "link", "add", "s0", "netns", n, "type", "veth", "peer", "name", "eth0", "netns", s]);
  const ip = (where: Namespace, text: string): Promise<string> => where.run("ip", ...text.split(" "));
  for (const [end, own, router] of [
    [client!, CLIENT, "10.1.0.1"],
    [server!, SERVER, "10.2.0.1"],
  ] as const) {
    await ip(end, `addr add ${own}/24 dev eth0`);
    await ip(end, "link set eth0 up");
    await ip(end, `route add default via ${router}`);
  }
  await ip(node!, "addr add 10.1.0.1/24 dev c0");
  await ip(node!, "addr add 10.2.0.1/24 dev s0");
  for (const device of ["c0", "s0"]) await ip(node!, `link set ${device} up`);
  await node!.run("sysctl", "-qw", "net.ipv4.ip_forward=1");
  await execOk([...node!.through, "iptables-restore"], { input: rules });
}

/** How often each counting rule has counted, by its comment. */
async function counts(node: Namespace): Promise<ReadonlyMap<string, number>> {
  const { tables } = parseIptables(await node.run("iptables-save", "-c"), 4);
  const all = tables.flatMap(({ chains }) => chains.flatMap((chain) => chain.rules));
  return new Map(
    all.map(({ matches, counters }) => {
      const comment = matches.find((match) => match.kind === "comment");
      return [comment?.kind === "comment" ? comment.text : "", Number(counters?.packets ?? 0n)];
    }),
  );
}

/** The words that the kernel has for what is sent. @param kind of counting rules. */
async function words(node: Namespace, kind: string, send: () => Promise<void>): Promise<readonly string[]> {
  const before = await counts(node);
  await send();
  for (let turn = 0; turn < 200; turn += 1) {
    const grown = [...(await counts(node))].filter(([name, n]) => n > (before.get(name) ?? 0));
    const own = grown.map(([name]) => name).filter((name) => name.startsWith(kind));
    if (own.length > 0) return own;
  }
  return [];
}

/** The words that the emulator has for it, with what the kernel's table holds. */
async function emulated(node: Namespace, head: PacketHead, known: string, tcpLoose = true): Promise<readonly string[]> {
  const { node: own } = assembleNode({
    addresses: [],
    iptables: [parseIptables(await node.run("iptables-save"), 4)],
    interfaces: parseIpAddr(await node.run("ip", "-j", "addr")),
    routes: parseIpRoute(await node.run("ip", "-j", "route")),
    connections: parseConntrack(known),
    tcpLoose,
  });
  const { outcomes } = tracePacket(own, head);
  assert.equal(outcomes.length, 1);
  return outcomes[0]!.path.flatMap(({ rule }) => /--comment "?((?:tcp|icmp)-\w+)"?/.exec(rule)?.[1] ?? []);
}

const table = (node: Namespace): Promise<string> => node.run("conntrack", "-L");

interface Peer {
  say(line: string): Promise<void>;
  stop(): void;
}

async function startPeer({ through }: Namespace, file: string, ...args: readonly string[]): Promise<Peer> {
  const script = fileURLToPath(new URL(file, import.meta.url));
  const [command, ...rest] = [...through, process.execPath, script, ...args];
  const child = spawn(command!, rest, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const heard = async (): Promise<void> => {
    const { done } = await lines.next();
    if (done === true) throw new Error(`${file} ended`);
  };
  if (file === "tcp-peer.js") await heard();
  return {
    say(line) {
      child.stdin.write(`${line}\n`);
      return heard();
    },
    stop: () => child.stdin.end(),
  };
}

const error = (port: number): PacketHead => ({
  proto: 1,
  src: parseIp(SERVER),
  srcPort: 0,
  dst: parseIp(CLIENT),
  dstPort: 0,
  icmp: { type: 3, code: 3 },
  about: { proto: 17, src: parseIp(CLIENT), srcPort: 20_000, dst: parseIp(SERVER), dstPort: port },
});
const segment = (flags: number): PacketHead => ({
  proto: 6,
  src: parseIp(CLIENT),
  srcPort: 20_001,
  dst: parseIp(SERVER),
  dstPort: 80,
  flags,
});

const titles = [
  "an ICMP error about a known flow is RELATED, about one that is not tracked INVALID",
  "TCP that no connection is known for: NEW where it is picked up, INVALID where it is not, and a RST in any case",
] as const;

if (refused !== undefined) for (const title of titles) test.skip(title, String(refused));
else {
  const all = opened as [Namespace, Namespace, Namespace];
  const [client, node, server] = all;
  test.after(async () => {
    for (const namespace of all) await namespace.close();
  });

  test(titles[0], async () => {
    const sender = await startPeer(client, "packet-sender.js", "serve");
    try {
      for (const [port, word] of [
        [5353, "icmp-RELATED"],
        [9999, "icmp-INVALID"],
      ] as const) {
        const datagram = { proto: 17, src: CLIENT, srcPort: 20_000, dst: SERVER, dstPort: port };
        assert.deepEqual(await words(node, "icmp", () => sender.say(JSON.stringify(datagram))), [word]);
        assert.deepEqual(await emulated(node, error(port), await table(node)), [word]);
      }
    } finally {
      sender.stop();
    }
  });

  test(titles[1], async () => {
    const { ACK, PSH, RST } = tcpFlagBits;
    const listener = await startPeer(server, "tcp-peer.js", "serve", SERVER, "80");
    const caller = await startPeer(client, "tcp-peer.js", "connect", SERVER, "80", "20001");
    try {
      for (const [loose, line, flags, word] of [
        [true, "data", ACK | PSH, "tcp-NEW"],
        [false, "data", ACK | PSH, "tcp-INVALID"],
        [true, "reset", RST | ACK, "tcp-INVALID"],
      ] as const satisfies readonly (readonly [boolean, PeerCommand, number, string])[]) {
        await node.run("sysctl", "-qw", `net.netfilter.nf_conntrack_tcp_loose=${Number(loose)}`);
        await node.run("conntrack", "-F");
        // An acknowledgement of what was sent before may still come by and be picked up.
        const sent = await words(node, "tcp", () => caller.say(line));
        assert.ok(sent.includes(word), `${line}, loose ${loose}: ${sent.join()}`);
        assert.deepEqual(await emulated(node, segment(flags), "", loose), [word]);
      }
    } finally {
      caller.stop();
      listener.stop();
    }
  });
}
