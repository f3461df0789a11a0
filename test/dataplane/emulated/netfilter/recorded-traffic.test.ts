/**
 * What real clients met behind a real kube-proxy, in iptables and in nftables mode, against where the emulated node of
 * the recording sends their packets. test/golden/behaviours holds the recordings; what needs time to pass is played by
 * the tests of the emulated dataplane.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { planNode } from "../../../../src/agent/plan.ts";
import { snapshotOf } from "../../../../src/cluster/state.ts";
import type { Interface, Route } from "../../../../src/dataplane/emulated/netfilter/host-node.ts";
import { toNumber } from "../../../../src/dataplane/emulated/netfilter/fraction.ts";
import { assembleNode } from "../../../../src/explain/assemble-node.ts";
import { partsOfProgram } from "../../../../src/explain/node-of-program.ts";
import type { PacketOutcome } from "../../../../src/explain/packet-outcome.ts";
import { type PacketTrace, tracePacket } from "../../../../src/explain/trace-packet.ts";
import { buildModel } from "../../../../src/model/build.ts";
import { compileProgram } from "../../../../src/modes/compile.ts";
import { parseCidr } from "../../../../src/net/cidr.ts";
import { TCP, UDP } from "../../../../src/net/flow.ts";
import { formatIp, type Ip, isLoopback, parseIp, sameIp } from "../../../../src/net/ip.ts";
import { parseSocketAddr } from "../../../../src/net/parse-socket-addr.ts";
import { readRecordedConfig } from "../../../support/kube-proxy-config.ts";
import { readObjects } from "../../../support/recorded-scenario.ts";
import { inProject } from "../../../support/root.ts";
import { suite } from "../../../support/suite.ts";

const test = suite("netfilter emulator: recorded traffic");

interface Seen {
  readonly attempts?: number;
  readonly backends?: Readonly<Record<string, number>>;
  readonly sourceSeenByBackend?: Readonly<Record<string, readonly string[]>>;
  readonly errors?: Readonly<Record<string, number>>;
  readonly addresses?: number;
}

interface Check {
  readonly check: string;
  readonly from: "client" | "pod-client" | "node";
  readonly proto?: "tcp" | "udp";
  readonly target?: string;
  readonly clientAddress?: string;
  readonly iptables: Seen;
  readonly nftables: Seen;
}

const folder = inProject("test", "golden", "behaviours");
const { behaviours } = JSON.parse(readFileSync(`${folder}/behaviours.json`, "utf8")) as {
  behaviours: readonly { readonly name: string; readonly checks: readonly Check[] }[];
};

/** The recorder's network: pods on links of their own, two of another node behind that. */
const pods: Readonly<Record<string, readonly [string, string]>> = {
  "pod-a": ["10.244.1.10", "fd00:10:244:1::10"],
  "pod-b": ["10.244.1.11", "fd00:10:244:1::11"],
  "pod-client": ["10.244.1.50", "fd00:10:244:1::50"],
  "pod-c": ["10.244.2.10", "fd00:10:244:2::10"],
  "pod-d": ["10.244.2.11", "fd00:10:244:2::11"],
  "pod-e": ["10.244.2.12", "fd00:10:244:2::12"],
};
const podOf = new Map(Object.entries(pods).flatMap(([name, ips]) => ips.map((ip) => [ip, name] as const)));
const local = ["pod-a", "pod-b", "pod-client"];
const at = (ip: string, bits: number) => ({ ip: parseIp(ip), bits });
const interfaces: readonly Interface[] = [
  { name: "lo", addresses: [at("127.0.0.1", 8), at("::1", 128)] },
  { name: "eth0", addresses: [at("192.168.10.5", 24), at("fd00:192:168:10::5", 64)] },
  ...local.map((name) => ({ name: `to-${name}`, addresses: [at("10.244.1.1", 32), at("fd00:10:244:1::1", 128)] })),
];
const route = (destination: string, device: string, gateway?: string): Route => ({
  destination: parseCidr(destination),
  type: "unicast",
  device,
  metric: 0,
  ...(gateway === undefined ? {} : { gateway: parseIp(gateway) }),
});
const routes: readonly Route[] = [
  route("192.168.10.0/24", "eth0"),
  route("fd00:192:168:10::/64", "eth0"),
  route("10.244.2.0/24", "eth0", "192.168.10.6"),
  route("fd00:10:244:2::/64", "eth0", "fd00:192:168:10::6"),
  route("0.0.0.0/0", "eth0", "192.168.10.1"),
  route("::/0", "eth0", "fd00:192:168:10::1"),
  ...local.flatMap((name) => [
    route(`${pods[name]![0]}/32`, `to-${name}`),
    route(`${pods[name]![1]}/128`, `to-${name}`),
  ]),
];
const nodeIps = interfaces.flatMap(({ addresses }) => addresses.map(({ ip }) => ip));

function nodeOf(name: string, mode: "iptables" | "nftables") {
  const config = readRecordedConfig(`${folder}/${name}/config.yaml`);
  const model = buildModel(snapshotOf(readObjects(`${folder}/${name}/objects.yaml`)), config.nodeName);
  const addresses = [...model.node.addresses, parseIp("10.244.1.1"), parseIp("fd00:10:244:1::1")];
  const onNode = { ...model, node: { ...model.node, addresses } };
  const program = compileProgram(mode, onNode, { iptables: config.iptables, nftables: config.nftables });
  const parts = partsOfProgram(program, planNode(onNode, mode, { iptables: config.iptables }))!;
  return assembleNode({ ...parts, interfaces, routes }).node;
}

/** The address that a client uses for a target; of the node, that of the way there. */
function sourceOf({ from, clientAddress }: Check, to: Ip): Ip {
  if (clientAddress !== undefined) return parseIp(clientAddress);
  if (from === "node" && isLoopback(to)) return to;
  const [ip4, ip6] = {
    client: ["192.168.10.100", "fd00:192:168:10::100"],
    "pod-client": pods["pod-client"]!,
    node: ["192.168.10.5", "fd00:192:168:10::5"],
  }[from];
  return parseIp(typeof to === "number" ? ip4! : ip6!);
}

function traceOf(check: Check, node: ReturnType<typeof nodeOf>): PacketTrace {
  const { ip: dst, port: dstPort } = parseSocketAddr(check.target!, "target");
  const src = sourceOf(check, dst);
  return tracePacket(node, { proto: check.proto === "udp" ? UDP : TCP, src, srcPort: 40_000, dst, dstPort });
}

/** Of these the start is told; of the first three the rest is in the order of time. */
const overTime = new Set(["19-udp-endpoint-appears", "21-tcp-endpoint-removed", "35-reject-rate-limit"]);

for (const mode of ["iptables", "nftables"] as const) {
  for (const { name, checks } of behaviours.filter((one) => !overTime.has(one.name))) {
    test(`${name}, mode ${mode}`, () => {
      const node = nodeOf(name, mode);
      for (const check of checks) {
        if (check.target === undefined || check[mode].backends === undefined) continue;
        const trace = traceOf(check, node);
        if (Object.keys(check[mode].backends).length === 0) assertFails(check, check[mode], trace);
        else assertReaches(check, check[mode], trace);
      }
    });
  }
}

test("19-udp-endpoint-appears: without an endpoint the datagram is rejected", () => {
  const [check] = behaviours.find(({ name }) => name === "19-udp-endpoint-appears")!.checks;
  for (const mode of ["iptables", "nftables"] as const) {
    const { outcomes } = traceOf(check!, nodeOf("19-udp-endpoint-appears", mode));
    assert.deepEqual(
      outcomes.map(({ verdict }) => verdict),
      ["reject"],
      mode,
    );
  }
});

test("21-tcp-endpoint-removed: the endpoint that was held is the one there was", () => {
  const [held] = behaviours.find(({ name }) => name === "21-tcp-endpoint-removed")!.checks;
  for (const mode of ["iptables", "nftables"] as const) {
    const { outcomes } = traceOf(held!, nodeOf("21-tcp-endpoint-removed", mode));
    assert.deepEqual(
      outcomes.map(({ to, source }) => [podOf.get(formatIp(to.ip)), formatIp(source.ip)]),
      [["pod-a", "10.244.1.1"]],
      mode,
    );
  }
});

/** What a client without a backend saw. Nobody listens on the node itself, and the default gateway drops everything. */
function assertFails(check: Check, { errors }: Seen, { outcomes }: PacketTrace): void {
  assert.equal(outcomes.length, 1, check.check);
  const { verdict } = outcomes[0]!;
  const expected = {
    reject: "refused",
    local: "refused",
    drop: "timeout",
    pass: "timeout",
    forward: "a backend",
    undecided: "",
  }[verdict];
  const seen = Object.keys(errors!).map((error) => (error === "timeout" ? error : "refused"));
  assert.deepEqual(seen, [expected], `${check.check}: ${verdict}`);
}

function assertReaches(
  check: Check,
  { attempts, backends, sourceSeenByBackend, addresses, errors }: Seen,
  { outcomes }: PacketTrace,
): void {
  const reached = new Map(outcomes.map((outcome) => [podOf.get(formatIp(outcome.to.ip)) ?? "nobody", outcome]));
  assert.ok(
    outcomes.every(({ verdict, back }) => verdict === "forward" && back?.verdict === "pass"),
    check.check,
  );
  const names = Object.keys(backends!).sort();
  const affine = addresses !== undefined || (names.length === 1 && reached.size > 1);
  if (attempts! >= 20 && !affine && errors === undefined)
    assert.deepEqual([...reached.keys()].sort(), names, check.check);
  for (const name of names) {
    const outcome = reached.get(name);
    assert.ok(outcome, `${check.check}: ${name} cannot be reached`);
    assertSource(check, outcome, sourceSeenByBackend![name]!);
    if (!affine) assertLikely(backends![name]!, attempts!, toNumber(outcome.probability), `${check.check}: ${name}`);
  }
}

/** Clients of many addresses are told by the first of them. */
function assertSource({ check, from }: Check, { source }: PacketOutcome, seen: readonly string[]): void {
  const isNodes = nodeIps.some((ip) => sameIp(ip, source.ip));
  if (from === "client" && !isNodes)
    assert.ok(
      seen.every((ip) => ip.startsWith("192.168.10.1") || ip === "fd00:192:168:10::100"),
      check,
    );
  else assert.deepEqual(seen, [formatIp(source.ip)], check);
}

/** A binomial count lies within 5 standard deviations of its mean but for 1 in 1.7 million. */
function assertLikely(count: number, attempts: number, probability: number, what: string): void {
  const mean = attempts * probability;
  const deviation = Math.sqrt(mean * (1 - probability));
  assert.ok(Math.abs(count - mean) <= 5 * deviation, `${what}: ${count} of ${attempts}, expected ${mean}`);
}
