/** The walks that workers decide by against the literal walk of a node's rules: the same ends, after as many rules. */
import assert from "node:assert/strict";
import * as fc from "fast-check";
import { planNode } from "../../../src/agent/plan.ts";
import { snapshotOf } from "../../../src/cluster/state.ts";
import { manualClock } from "../../../src/core/clock.ts";
import { seededRandom } from "../../../src/core/random.ts";
import type { NodePlan } from "../../../src/dataplane/dataplane.ts";
import type { DecisionState, FlowDecision } from "../../../src/dataplane/emulated/decider.ts";
import { createNodeState } from "../../../src/dataplane/emulated/node-state.ts";
import { createPoolKeeper } from "../../../src/dataplane/emulated/pools.ts";
import { prepareDecider } from "../../../src/dataplane/emulated/prepare-decider.ts";
import { assembleNode } from "../../../src/explain/assemble-node.ts";
import { partsOfProgram } from "../../../src/explain/node-of-program.ts";
import type { PacketOutcome } from "../../../src/explain/packet-outcome.ts";
import { tracePacket } from "../../../src/explain/trace-packet.ts";
import { traceProxy } from "../../../src/explain/trace-proxy.ts";
import { buildModel } from "../../../src/model/build.ts";
import type { Model } from "../../../src/model/model.ts";
import { compileProgram, type ProgramOptions } from "../../../src/modes/compile.ts";
import type { Program } from "../../../src/modes/program.ts";
import { type Flow, formatSocketAddr, type SocketAddr } from "../../../src/net/flow.ts";
import { familyOf, ipKey, parseIp, sameIp } from "../../../src/net/ip.ts";
import { scenarioFolders, readScenario } from "../../support/recorded-scenario.ts";
import { inProject } from "../../support/root.ts";
import { runs, seed } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";
import { anyCluster } from "../../model/any-cluster.ts";

const test = suite("compiled walks", { timeoutMs: 300_000 });

/** Nobody was there before. */
function freshState(number: number): DecisionState {
  const recent = { seen: () => false, remember() {} };
  return { random: seededRandom(number), clock: manualClock(), recent, pool: () => undefined };
}

const detectLocal = { by: "cluster-cidr", ranges: ["10.244.0.0/16", "fd00:10:244::/48"] } as const;
const all: readonly ProgramOptions[] = [
  {},
  { nftables: { masqueradeAll: true }, iptables: { masqueradeAll: true } },
  { nftables: { detectLocal }, iptables: { detectLocal } },
];
const outside = [parseIp("192.0.2.7"), parseIp("2001:db8::7")];
const pods = [parseIp("10.244.1.200"), parseIp("fd00:10:244:1::200")];

/** Packets to every address of a service, and to one port beside it, from a pod, from outside and from the node. */
function flowsTo(plan: NodePlan): readonly Flow[] {
  return plan.frontends.flatMap(({ proto, addr }) => {
    const sources = [...pods, ...outside, ...plan.nodeAddresses].filter((ip) => familyOf(ip) === familyOf(addr.ip));
    return sources.flatMap((src) =>
      // Nothing is sent to port 0.
      [addr.port || 1, addr.port + 1].map((dstPort) => ({ proto, src, srcPort: 40_000, dst: addr.ip, dstPort })),
    );
  });
}

function ofCompiled(decision: FlowDecision, isOwn: boolean): string {
  const { verdict, steps } = decision;
  if (verdict !== "forward") return `${verdict} after ${steps}`;
  return said(decision.to, decision.masquerade && !isOwn, steps);
}

function ofLiteral(flow: Flow, { verdict, to, source, passed }: PacketOutcome): string {
  const isRewritten = !sameIp(to.ip, flow.dst) || to.port !== flow.dstPort;
  if (verdict === "drop" || verdict === "reject") return `${verdict} after ${passed}`;
  return isRewritten ? said(to, !sameIp(source.ip, flow.src), passed) : `pass after ${passed}`;
}

/** Of the node's own packets nobody can see whether they were masqueraded: with the address that they had. */
function said(to: SocketAddr, masquerade: boolean, steps: number): string {
  return `${formatSocketAddr(to)}${masquerade ? " masqueraded" : ""} after ${steps}`;
}

const DRAWS = 60;

/** Each end that chance leads to has to be one of the literal walk, and of a few ends all have to come. */
function assertAlike(mode: "iptables" | "nftables", options: ProgramOptions, model: Model): number {
  const program = compileProgram(mode, model, options);
  const plan = planNode(model, mode, options);
  const { node } = assembleNode(partsOfProgram(program, plan)!);
  let compared = 0;
  for (const flow of flowsTo(plan)) {
    const { outcomes } = tracePacket(node, flow);
    if (outcomes.some(({ by }) => by.startsWith("routing: "))) continue;
    const literal = new Set(outcomes.map((outcome) => ofLiteral(flow, outcome)));
    const decider = prepareDecider(program, plan, freshState(seed));
    const isOwn = plan.nodeAddresses.some((ip) => sameIp(ip, flow.src));
    const decide = (): string => ofCompiled(decider.decide(flow, 0), isOwn);
    const draws = Array.from({ length: literal.size === 1 ? 1 : DRAWS }, decide);
    const ends = new Set(draws);
    const place = `${mode} ${formatSocketAddr({ ip: flow.src, port: 0 })} to ${formatSocketAddr({ ip: flow.dst, port: flow.dstPort })}/${flow.proto}`;
    for (const end of ends) assert.ok(literal.has(end), `${place}: ${end} is none of ${[...literal].join(", ")}`);
    if (literal.size <= 4) assert.equal(ends.size, literal.size, `${place}: ${[...ends].join(", ")}`);
    compared += 1;
  }
  return compared;
}

/** Everything that pools decide by, as it is on a node that has just started. */
function decideByPools(program: Program, plan: NodePlan): (flow: Flow) => FlowDecision {
  const random = seededRandom(seed);
  const state = createNodeState(random, manualClock());
  const keeper = createPoolKeeper({ threads: 1, shared: false, random });
  state.use(program, keeper.prepare(program));
  keeper.commit();
  const decider = prepareDecider(program, plan, state.decisions);
  return (flow) => decider.decide(flow, 0);
}

/** IPVS alone, without the rules around it: those are not compiled. Turns of its scheduler reach every server. */
function assertIpvsAlike(model: Model, scheduler: string): number {
  const program = compileProgram("ipvs", model, { ipvs: { scheduler } });
  if (program.mode !== "ipvs") throw new Error(program.mode);
  const plan = planNode(model, "ipvs");
  const { addresses, servers = [] } = partsOfProgram(program, plan)!;
  const { node } = assembleNode({ addresses, servers });
  const literalOf = (flow: Flow): readonly PacketOutcome[] => tracePacket(node, flow).outcomes;
  const sticks = servers.some(({ persistenceSeconds }) => persistenceSeconds > 0);
  if (scheduler === "rr") return assertPoolsAlike(plan, decideByPools(program, plan), literalOf, sticks);
  // What others pick depends on what they picked before: each is asked on a node of its own.
  return assertPoolsAlike(plan, (flow) => decideByPools(program, plan)(flow), literalOf, sticks);
}

function assertUserspaceAlike(model: Model): number {
  const program = compileProgram("userspace", model);
  if (program.mode !== "userspace") throw new Error(program.mode);
  const plan = planNode(model, "userspace");
  const { routing } = assembleNode({ addresses: plan.nodeAddresses }).node;
  const decide = decideByPools(program, plan);
  const subject = { table: program.table, plan, routing };
  const sticks = program.table.forwards.some(({ affinitySeconds }) => affinitySeconds > 0);
  return assertPoolsAlike(plan, decide, (flow) => traceProxy(subject, flow).outcomes, sticks);
}

/** Each end of the literal walk has to come, and no other. @param sticks whether clients stay with their first end. */
function assertPoolsAlike(
  plan: NodePlan,
  decide: (flow: Flow) => FlowDecision,
  literalOf: (flow: Flow) => readonly PacketOutcome[],
  sticks: boolean,
): number {
  // A virtual server of port 0 has all ports; no service has that port.
  const allPorts = new Set(plan.frontends.filter(({ addr }) => addr.port === 0).map(({ addr }) => ipKey(addr.ip)));
  let compared = 0;
  for (const flow of flowsTo(plan)) {
    if (allPorts.has(ipKey(flow.dst))) continue;
    const isOwn = plan.nodeAddresses.some((ip) => sameIp(ip, flow.src));
    const outcomes = literalOf(flow);
    if (outcomes.some(({ by }) => by.startsWith("routing: "))) continue;
    const ends = outcomes.map((outcome) => {
      // What no service has the compiled walk looks up too; routing does not bring all of it to IPVS.
      return outcome.verdict === "pass" || isLocalAsSent(flow, outcome) ? "pass" : ofPool(flow, outcome);
    });
    const draws = Array.from({ length: outcomes.length === 1 ? 1 : DRAWS }, () => {
      const decision = decide(flow);
      return decision.verdict === "pass" ? "pass" : ofCompiled(decision, isOwn);
    });
    const place = `${formatSocketAddr({ ip: flow.src, port: 0 })} to ${formatSocketAddr({ ip: flow.dst, port: flow.dstPort })}/${flow.proto}`;
    for (const draw of draws) assert.ok(ends.includes(draw), `${place}: ${draw} is none of ${ends.join(", ")}`);
    if (!sticks) assert.deepEqual([...new Set(draws)].sort(), [...new Set(ends)].sort(), place);
    compared += 1;
  }
  return compared;
}

/** It ends at this host, at the address that the client asked for. */
function isLocalAsSent(flow: Flow, { verdict, to }: PacketOutcome): boolean {
  return verdict === "local" && sameIp(to.ip, flow.dst) && to.port === flow.dstPort;
}

/** An endpoint may be what the client asked for by the very same address: then nothing is rewritten, and it is served. */
function ofPool(flow: Flow, { verdict, to, source, passed }: PacketOutcome): string {
  // An endpoint may have an address that a service has, too: then it is this host, by the interface of IPVS.
  if (verdict !== "forward" && verdict !== "local") return `${verdict} after ${passed}`;
  return said(to, !sameIp(source.ip, flow.src), passed);
}

const pooled = [
  ["ipvs, rr", (model: Model) => assertIpvsAlike(model, "rr")],
  ["ipvs, lc", (model: Model) => assertIpvsAlike(model, "lc")],
  ["ipvs, sh", (model: Model) => assertIpvsAlike(model, "sh")],
  ["userspace", assertUserspaceAlike],
] as const;

for (const [name, assertModelAlike] of pooled) {
  test(`${name}: recorded clusters and any cluster: the same answer, and as many entries passed`, () => {
    const folders = scenarioFolders(inProject("test", "golden", "kube-proxy"));
    const random = seededRandom(seed);
    const chosen = runs(folders.length, 12) === folders.length ? folders : folders.filter(() => random.below(10) === 0);
    let compared = 0;
    for (const folder of chosen) {
      for (const { snapshot } of readScenario(folder).stages)
        compared += assertModelAlike(buildModel(snapshot, "node-a"));
    }
    fc.assert(
      fc.property(anyCluster, (objects) => {
        compared += assertModelAlike(buildModel(snapshotOf(objects), "node-a"));
      }),
      { seed, numRuns: runs(2000, 120) },
    );
    console.log(`${name}: ${compared} flows`);
    assert.ok(compared > 300, `${compared}`);
  });
}

for (const mode of ["iptables", "nftables"] as const) {
  test(`${mode}: recorded clusters`, () => {
    const folders = scenarioFolders(inProject("test", "golden", "kube-proxy"));
    const random = seededRandom(seed);
    const chosen = runs(folders.length, 12) === folders.length ? folders : folders.filter(() => random.below(10) === 0);
    let compared = 0;
    for (const folder of chosen) {
      for (const { snapshot } of readScenario(folder).stages) {
        const model = buildModel(snapshot, "node-a");
        for (const options of all) compared += assertAlike(mode, options, model);
      }
    }
    console.log(`${compared} flows`);
    assert.ok(compared > 100);
  });

  test(`${mode}: any cluster`, () => {
    fc.assert(
      fc.property(anyCluster, fc.constantFrom(...all), (objects, options) => {
        assertAlike(mode, options, buildModel(snapshotOf(objects), "node-a"));
      }),
      { seed, numRuns: runs(2000, 60) },
    );
  });
}

for (const [kind, verdict, steps] of [
  ["jump", "drop", 3],
  ["goto", "pass", 2],
] as const) {
  test(`nftables: behind a ${kind} to a chain that decides nothing, ${kind === "jump" ? "the next rule" : "nothing"} follows`, () => {
    const base = { type: "filter", hook: "forward", priority: 0, policy: "accept" } as const;
    const rules = [{ statements: [{ kind, chain: "other" }] }, { statements: [{ kind: "drop" }] }] as const;
    const other = { name: "other", rules: [{ statements: [{ kind: "counter" }] }] } as const;
    const table = {
      family: "ip",
      name: "t",
      sets: [],
      objects: [],
      chains: [{ name: "c", base, rules }, other],
    } as const;
    const program = { mode: "nftables", ruleset: { tables: [table] } } as const;
    const decider = prepareDecider(program, { nodeAddresses: [], frontends: [] }, freshState(1));
    const flow = { proto: 6, src: outside[0]!, srcPort: 1, dst: pods[0]!, dstPort: 80 } as const;
    assert.deepEqual(decider.decide(flow, 0), { verdict, steps });
  });
}
