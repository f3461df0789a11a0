/** The walks that workers decide by against the literal walk of a node's rules: the same ends, after as many rules. */
import assert from "node:assert/strict";
import * as fc from "fast-check";
import { planNode } from "../../../src/agent/plan.ts";
import { snapshotOf } from "../../../src/cluster/state.ts";
import { manualClock } from "../../../src/core/clock.ts";
import { seededRandom } from "../../../src/core/random.ts";
import type { NodePlan } from "../../../src/dataplane/dataplane.ts";
import type { DecisionState, FlowDecision } from "../../../src/dataplane/emulated/decider.ts";
import { prepareDecider } from "../../../src/dataplane/emulated/prepare-decider.ts";
import { assembleNode } from "../../../src/explain/assemble-node.ts";
import { partsOfProgram } from "../../../src/explain/node-of-program.ts";
import type { PacketOutcome } from "../../../src/explain/packet-outcome.ts";
import { tracePacket } from "../../../src/explain/trace-packet.ts";
import { buildModel } from "../../../src/model/build.ts";
import type { Model } from "../../../src/model/model.ts";
import { compileProgram, type ProgramOptions } from "../../../src/modes/compile.ts";
import { type Flow, formatSocketAddr, type SocketAddr } from "../../../src/net/flow.ts";
import { familyOf, parseIp, sameIp } from "../../../src/net/ip.ts";
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

for (const mode of ["iptables", "nftables"] as const) {
  test(`${mode}: recorded clusters`, () => {
    const folders = scenarioFolders(inProject("test", "golden", "kube-proxy"));
    const random = seededRandom(seed);
    const chosen = runs(folders.length, 25) === folders.length ? folders : folders.filter(() => random.below(5) === 0);
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
      { seed, numRuns: runs(2000, 150) },
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
