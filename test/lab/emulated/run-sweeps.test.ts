/** Subjects without traffic: what a sweep counts, and that threads do not change it. */
import assert from "node:assert/strict";
import { emulatedCases } from "../../../src/lab/emulated/emulated-subjects.ts";
import { runSweeps, sweepAll } from "../../../src/lab/emulated/run-sweeps.ts";
import { type SweepRequest, sweepFlows } from "../../../src/lab/emulated/sweep.ts";
import type { Scene } from "../../../src/lab/open-subjects.ts";
import { type EmulatedSubject, resolveBenchOptions } from "../../../src/lab/options.ts";
import type { StandIns } from "../../../src/lab/stand-ins.ts";
import { estimateIntervals } from "../../../src/lab/estimate.ts";
import { summarizeEmulated } from "../../../src/measure/emulated/summarize-emulated.ts";
import { buildModel } from "../../../src/model/build.ts";
import { TCP } from "../../../src/net/flow.ts";
import { suite } from "../../support/suite.ts";
import { smallCluster } from "../small-cluster.ts";

const test = suite("emulated sweeps", { timeoutMs: 60_000 });
const model = buildModel(smallCluster, "node-a");
const standInsOf = (proto: "TCP" | "UDP"): StandIns => {
  const port = model.servicePorts[4].find((one) => (one.proto === TCP) === (proto === "TCP"))!;
  const endpoints = port.clusterEndpoints;
  return { port, endpoints, addrs: endpoints.map(({ addr }) => addr), backends: endpoints.map((_, at) => at) };
};
const scene: Scene = { model, tcp: standInsOf("TCP"), udp: standInsOf("UDP"), programs: {} };
const names = ["userspace", "iptables", "nftables", "ipvs-rr", "ipvs-lc", "ipvs-sed"].map((name) => `${name}@emulated`);
const { subjects } = resolveBenchOptions({ snapshot: smallCluster, nodeName: "node-a", subjects: names });
const cases = emulatedCases(subjects as readonly EmulatedSubject[], scene, 11);
const short = (sweep: SweepRequest): SweepRequest => ({ ...sweep, blocks: 3, flows: 500 });
const sweeps = cases.map(({ sweep }) => short(sweep));

test("one and four threads give the same as none, to the last digit", async () => {
  const expected = await Promise.all(sweeps.map(sweepFlows));
  assert.deepEqual(await sweepAll(sweeps, 1), expected);
  assert.deepEqual(await sweepAll(sweeps, 4), expected);
  // Another seed, other picks: what is compared is not empty.
  const other = await sweepAll([{ ...sweeps[2]!, seed: 12 }], 1);
  assert.notDeepEqual(other[0], expected[2]);
});

test("every mode keeps its promise at both services, and no flow is lost", async () => {
  const trials = await runSweeps(
    cases.map((one) => ({ ...one, sweep: short(one.sweep) })),
    5,
  );
  const { emulated, failures } = await summarizeEmulated(trials, 5, estimateIntervals);
  assert.deepEqual(failures, []);
  assert.deepEqual(
    emulated.cells.map(({ subject, servicePort }) => `${subject} ${servicePort}`),
    names.flatMap((name) => [`${name} default/web:http`, `${name} default/dns:dns`]),
  );
  for (const { subject, servicePort, check, flows, lost, decision } of emulated.cells) {
    const cell = `${subject} ${servicePort}`;
    assert.ok(["kept", "unlikely"].includes(check.outcome), `${cell}: ${check.outcome}`);
    assert.deepEqual([flows.value, lost.value], [1500, 0], cell);
    assert.ok(decision.value! > 0 && decision.interval !== null, cell);
  }
});

test("the first subject of each service is timed twice, and the two are held against each other", async () => {
  const trials = await runSweeps(
    cases.map((one) => ({ ...one, sweep: short(one.sweep) })),
    5,
  );
  const { emulated } = await summarizeEmulated(trials, 5, estimateIntervals);
  assert.deepEqual(
    emulated.controls!.map(({ servicePort, reference, again }) => [servicePort, reference, again]),
    ["default/web:http", "default/dns:dns"].map((port) => [port, "userspace@emulated", "userspace@emulated-again"]),
  );
  for (const { ratio, holdsOne } of emulated.controls!) {
    // What the ratio comes to is the host's affair.
    assert.ok(ratio.value! > 0, `${ratio.value}`);
    assert.equal(holdsOne, ratio.interval![0] <= 1 && 1 <= ratio.interval![1]);
  }
});

test("in turn means in turn, from block to block; at random does not", async () => {
  const [web] = await sweepAll([short(cases[6]!.sweep)]);
  // 1,500 flows over five endpoints.
  const total = [0, 1, 2, 3, 4].map((at) => web!.reduce((sum, { flows }) => sum + flows[at]!, 0));
  assert.deepEqual(total, [300, 300, 300, 300, 300]);
  const [random] = await sweepAll([short(cases[2]!.sweep)]);
  const spread = Math.max(...random![0]!.flows) - Math.min(...random![0]!.flows);
  // Of 500 flows at random each endpoint gets 100 ± 9: all alike has a chance below one in a million.
  assert.ok(spread > 1, `${spread}`);
});

test("a flow that no endpoint gets is lost, and makes the figures a failure", async () => {
  const [, , iptables] = cases;
  const nowhere = { ...iptables!, sweep: { ...short(iptables!.sweep), endpoints: iptables!.sweep.endpoints.slice(1) } };
  const service = { ...nowhere.service, backends: nowhere.sweep.endpoints.map((_, at) => at) };
  const { emulated, failures } = await summarizeEmulated(
    await runSweeps([{ ...nowhere, service }], 5),
    5,
    estimateIntervals,
  );
  assert.ok(emulated.cells[0]!.lost.value! > 100);
  assert.deepEqual(failures, [
    { subject: "iptables@emulated", work: "decisions on default/web:http", reason: "unanswered" },
  ]);
});

test("rules of iptables have a spread, those of nftables none", async () => {
  const [iptables, nftables] = await sweepAll([short(cases[2]!.sweep), short(cases[4]!.sweep)]);
  // Five endpoints: one to five rules of the service's chain are tried.
  assert.ok(new Set(iptables!.map(({ rules }) => rules)).size > 1);
  assert.equal(new Set(nftables!.map(({ rules }) => rules)).size, 1);
});
