import assert from "node:assert/strict";
import { snapshotOf } from "../../src/cluster/state.ts";
import { promiseOf } from "../../src/lab/promises.ts";
import type { StandIns } from "../../src/lab/stand-ins.ts";
import type { BalancePromise } from "../../src/measure/balance.ts";
import type { WorkName } from "../../src/measure/work.ts";
import { buildModel } from "../../src/model/build.ts";
import { compileProgram } from "../../src/modes/compile.ts";
import type { Mode } from "../../src/modes/program.ts";
import { node, service, slice } from "../support/objects.ts";
import { suite } from "../support/suite.ts";

const test = suite("promises");
const ports = [
  { name: "t", protocol: "TCP", port: 80 },
  { name: "u", protocol: "UDP", port: 80 },
] as const;

function promise(mode: Mode, work: WorkName, scheduler = "rr", affinity = false): BalancePromise {
  const sticky = affinity ? ({ sessionAffinity: "ClientIP", affinityTimeoutSeconds: 10 } as const) : {};
  const objects = [service({ ports, ...sticky }), slice({ ports, endpoints: ["10.0.0.1", "10.0.0.2", "10.0.0.3"] })];
  const model = buildModel(snapshotOf([node(), ...objects]), "node-a");
  const port = model.servicePorts[4].find(({ portName }) => portName === work.slice(0, 1))!;
  const endpoints = port.clusterEndpoints;
  const standIns: StandIns = { port, endpoints, addrs: endpoints.map(({ addr }) => addr), backends: [0, 1, 2] };
  return promiseOf(compileProgram(mode, model, { ipvs: { scheduler } }), standIns, work);
}

test("userspace and rr take turns, iptables draws", () => {
  assert.deepEqual(promise("userspace", "tcp-bulk"), { kind: "exact" });
  assert.deepEqual(promise("ipvs", "udp-request-response"), { kind: "exact" });
  assert.deepEqual(promise("iptables", "tcp-request-response"), { kind: "uniform-random" });
});

test("lc keeps TCP within 256 a lane for two minutes, and UDP flows within 1 for five", () => {
  const tcp = { kind: "bounded", perLane: 256, withinMs: 120_000 };
  assert.deepEqual(promise("ipvs", "tcp-connect-request-close", "lc"), tcp);
  const udp = { kind: "bounded", perLane: 0, withinMs: 300_000 };
  assert.deepEqual(promise("ipvs", "udp-request-response", "lc"), udp);
});

test("sed uses as many backends as there are lanes, the newest first, and one for UDP", () => {
  assert.deepEqual(promise("ipvs", "tcp-bulk", "sed"), { kind: "first", order: [2, 1, 0], reach: 2 });
  assert.deepEqual(promise("ipvs", "udp-request-response", "sed"), { kind: "first", order: [2, 1, 0], reach: 1 });
});

test("of other schedulers, and where clients keep their endpoint, nothing is promised", () => {
  assert.deepEqual(promise("ipvs", "tcp-bulk", "mh"), { kind: "none" });
  assert.deepEqual(promise("iptables", "tcp-bulk", "rr", true), { kind: "none" });
});
