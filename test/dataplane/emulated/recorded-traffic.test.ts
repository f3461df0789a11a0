/**
 * What real clients met behind a real kube-proxy in iptables mode, against what the emulated node says of the same
 * objects. test/golden/behaviours holds the recordings.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { planNode } from "../../../src/agent/plan.ts";
import { type ClusterSnapshot, snapshotOf } from "../../../src/cluster/state.ts";
import type { NodePlan } from "../../../src/dataplane/dataplane.ts";
import type { Outcome } from "../../../src/explain/outcomes.ts";
import { traceFlow } from "../../../src/explain/trace.ts";
import { buildModel } from "../../../src/model/build.ts";
import { compileProgram } from "../../../src/modes/compile.ts";
import type { Program } from "../../../src/modes/program.ts";
import { TCP, UDP } from "../../../src/net/flow.ts";
import { formatIp, isLoopback, parseIp, sameIp } from "../../../src/net/ip.ts";
import { readRecordedConfig } from "../../support/kube-proxy-config.ts";
import { readObjects } from "../../support/recorded-scenario.ts";
import { inProject } from "../../support/root.ts";
import { suite } from "../../support/suite.ts";
import { addr, flow, type Node, nodeWith } from "./literals.ts";

const test = suite("emulated iptables: recorded traffic");

interface Check {
  readonly check: string;
  readonly from: "client" | "pod-client" | "node";
  readonly proto?: "tcp" | "udp";
  readonly target?: string;
  readonly clientAddress?: string;
  readonly iptables: {
    readonly attempts?: number;
    readonly backends?: Readonly<Record<string, number>>;
    readonly sourceSeenByBackend?: Readonly<Record<string, readonly string[]>>;
    readonly errors?: Readonly<Record<string, number>>;
    readonly addresses?: number;
  };
}

interface Behaviour {
  readonly name: string;
  readonly checks: readonly Check[];
}

const folder = inProject("test", "golden", "behaviours");
const { behaviours } = JSON.parse(readFileSync(`${folder}/behaviours.json`, "utf8")) as { behaviours: Behaviour[] };

/** The recorder's network: who has which address, in IPv4 and IPv6. */
const pods: Readonly<Record<string, readonly [string, string]>> = {
  "pod-a": ["10.244.1.10", "fd00:10:244:1::10"],
  "pod-b": ["10.244.1.11", "fd00:10:244:1::11"],
  "pod-c": ["10.244.2.10", "fd00:10:244:2::10"],
  "pod-d": ["10.244.2.11", "fd00:10:244:2::11"],
  "pod-e": ["10.244.2.12", "fd00:10:244:2::12"],
};
const sources: Readonly<Record<Check["from"], readonly [string, string]>> = {
  client: ["192.168.10.100", "fd00:192:168:10::100"],
  "pod-client": ["10.244.1.50", "fd00:10:244:1::50"],
  node: ["192.168.10.5", "fd00:192:168:10::5"],
};
/** On the node's end of each pod's link. */
const podSide = ["10.244.1.1", "fd00:10:244:1::1"];
const podOf = new Map(Object.entries(pods).flatMap(([name, ips]) => ips.map((ip) => [ip, name] as const)));

interface Recorded {
  readonly program: Program;
  readonly nodePlan: NodePlan;
}

function compiled(name: string, snapshot: ClusterSnapshot): Recorded {
  const config = readRecordedConfig(`${folder}/${name}/config.yaml`);
  const model = buildModel(snapshot, config.nodeName);
  const addresses = [...model.node.addresses, ...podSide.map((ip) => parseIp(ip))];
  const onNode = { ...model, node: { ...model.node, addresses } };
  const program = compileProgram("iptables", onNode, { iptables: config.iptables });
  return { program, nodePlan: planNode(onNode, "iptables") };
}

function recorded(name: string): Recorded {
  return compiled(name, snapshotOf(readObjects(`${folder}/${name}/objects.yaml`)));
}

function sourceOf({ from, target, clientAddress }: Check): string {
  const { ip } = addr(target!);
  if (from === "node" && isLoopback(ip)) return formatIp(ip);
  return clientAddress ?? sources[from][typeof ip === "number" ? 0 : 1];
}

function outcomesOf(check: Check, { program, nodePlan }: Recorded): readonly Outcome[] {
  const source = sourceOf(check);
  const from = source.includes(":") ? `[${source}]:40000` : source;
  const traced = flow(from, check.target!, check.proto === "udp" ? UDP : TCP);
  return traceFlow(program, nodePlan, traced, { seed: 1 }).outcomes;
}

/** Behaviours whose backends or limits make their own errors, or that only make sense over time; tested below. */
const special = new Set([
  "19-udp-endpoint-appears",
  "21-tcp-endpoint-removed",
  "32-backend-refuses",
  "35-reject-rate-limit",
]);
const plain = behaviours.filter(({ name }) => !special.has(name));

for (const { name, checks } of plain) {
  test(name, () => {
    const program = recorded(name);
    for (const check of checks) {
      if (check.target === undefined) continue;
      const outcomes = outcomesOf(check, program);
      if (Object.keys(check.iptables.backends!).length === 0) assertFails(check, outcomes, program.nodePlan);
      else assertReaches(check, outcomes);
    }
  });
}

/** What a client without a backend saw, from what became of its packets. */
function assertFails(check: Check, outcomes: readonly Outcome[], { nodeAddresses }: NodePlan): void {
  const [outcome, ...others] = outcomes;
  assert.deepEqual(others, [], check.check);
  const { ip } = addr(check.target!);
  const local = isLoopback(ip) || nodeAddresses.some((own) => sameIp(own, ip));
  // Nobody listens on the node itself; the default gateway drops everything.
  const ofPassing = local ? "refused" : "timeout";
  const expected = { reject: "refused", drop: "timeout", pass: ofPassing, forward: "a backend" }[outcome!.verdict];
  // The sender of a rejected UDP packet on the node itself is told at once.
  const seen = Object.keys(check.iptables.errors!).map((error) => (error === "timeout" ? error : "refused"));
  assert.deepEqual(seen, [expected], `${check.check}: ${outcome!.verdict}`);
}

function assertReaches(check: Check, outcomes: readonly Outcome[]): void {
  const { attempts, backends, sourceSeenByBackend, addresses } = check.iptables;
  const reached = new Map(
    outcomes.map((outcome) => {
      assert.equal(outcome.verdict, "forward", check.check);
      return [podOf.get(formatIp(outcome.to.ip)), outcome] as const;
    }),
  );
  const names = Object.keys(backends!).sort();
  const affine = addresses !== undefined || names.length === 1;
  if (attempts! >= 20 && !affine) assert.deepEqual([...reached.keys()].sort(), names, check.check);
  for (const name of names) {
    const outcome = reached.get(name);
    assert.ok(outcome, `${check.check}: ${name} cannot be reached`);
    const masqueraded = !sourceSeenByBackend![name]!.some((source) => isClient(check, source));
    assert.equal(outcome.masquerade, masqueraded, `${check.check}: ${name}`);
    if (!affine) assertLikely(backends![name]!, attempts!, outcome.probability, `${check.check}: ${name}`);
  }
}

/** Whether an address is one of those that the client may have used; the node's own traffic always is masqueraded. */
function isClient({ from }: Check, source: string): boolean {
  if (from === "client") return source.startsWith("192.168.10.1") || source === "fd00:192:168:10::100";
  return from === "pod-client" && sources[from].includes(source);
}

/** A binomial count lies within 5 standard deviations of its mean but for 1 in 1.7 million. */
function assertLikely(count: number, attempts: number, probability: number, what: string): void {
  const mean = attempts * probability;
  const deviation = Math.sqrt(mean * (1 - probability));
  assert.ok(Math.abs(count - mean) <= 5 * deviation, `${what}: ${count} of ${attempts}, expected ${mean}`);
}

test("32-backend-refuses: half of the flows go to the endpoint that refuses", () => {
  const [check] = behaviours.find(({ name }) => name === "32-backend-refuses")!.checks;
  const outcomes = outcomesOf(check!, recorded("32-backend-refuses"));
  assert.equal(outcomes.length, 2);
  const { attempts, backends, errors } = check!.iptables;
  for (const count of [backends!["pod-a"]!, errors!["ECONNREFUSED"]!]) {
    assertLikely(count, attempts!, outcomes[0]!.probability, check!.check);
  }
});

/** A node with the objects of a behaviour, and the way to what they are after its only step. */
async function stepped(name: string, step: string): Promise<{ node: Node; after: Recorded }> {
  const before = readObjects(`${folder}/${name}/objects.yaml`);
  const applied = readObjects(`${folder}/${name}/steps/${step}.apply.yaml`);
  const ids = new Set(applied.map(({ kind, metadata }) => `${kind}/${metadata.name}`));
  const kept = before.filter(({ kind, metadata }) => !ids.has(`${kind}/${metadata.name}`));
  const { program, nodePlan } = compiled(name, snapshotOf(before));
  return { node: await nodeWith(program, { nodePlan }), after: compiled(name, snapshotOf([...kept, ...applied])) };
}

test("19-udp-endpoint-appears: a socket that was rejected gets through with the first endpoint", async () => {
  const { node, after } = await stepped("19-udp-endpoint-appears", "01-pod-a");
  const socket = flow("192.168.10.100:5000", "10.96.0.10:53", UDP);
  assert.equal(node.packet(socket).verdict, "reject");
  await node.apply(after.program, after.nodePlan);
  const decision = node.packet(socket);
  assert.equal(decision.verdict === "forward" && podOf.get(formatIp(decision.to.ip)), "pod-a");
});

test("21-tcp-endpoint-removed: an open connection stays where it is, a new one goes elsewhere", async () => {
  const { node, after } = await stepped("21-tcp-endpoint-removed", "01-pod-b");
  const held = flow("192.168.10.100:5000", "10.96.0.10:80");
  const before = node.packet(held);
  assert.equal(before.verdict === "forward" && podOf.get(formatIp(before.to.ip)), "pod-a");
  node.packet(held, "reply");
  await node.apply(after.program, after.nodePlan);
  assert.deepEqual(node.packet(held), before);
  assert.equal(node.open("192.168.10.100", "10.96.0.10:80"), "10.244.1.11:8080 m");
});

test("12-affinity: a client keeps its endpoint at every address of the service, until it was idle too long", async () => {
  const { program, nodePlan } = recorded("12-affinity");
  const node = await nodeWith(program, { nodePlan });
  const clients = Array.from({ length: 40 }, (_, index) => `192.168.10.${100 + index}`);
  const first = clients.map((client) => node.open(client, "10.96.0.10:80"));
  assert.ok(new Set(first).size > 1);
  for (let again = 0; again < 7; again += 1) {
    assert.deepEqual(
      clients.map((client) => node.open(client, "10.96.0.10:80")),
      first,
    );
  }
  assert.deepEqual(
    clients.map((client) => node.open(client, "192.168.10.5:30080")),
    first,
  );
  node.clock.advance(5000);
  assert.notDeepEqual(
    clients.map((client) => node.open(client, "10.96.0.10:80")),
    first,
  );
});

test("13-affinity-refresh: a connection every 2 s keeps an affinity of 3 s alive", async () => {
  const { program, nodePlan } = recorded("13-affinity-refresh");
  const node = await nodeWith(program, { nodePlan });
  const first = node.open("192.168.10.100", "10.96.0.10:80");
  for (let second = 0; second < 20; second += 2) {
    node.clock.advance(2000);
    assert.equal(node.open("192.168.10.100", "10.96.0.10:80"), first);
  }
});
