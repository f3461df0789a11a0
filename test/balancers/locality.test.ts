import assert from "node:assert/strict";
import { createBackendSet } from "../../src/balancers/backend-set.ts";
import { algorithm } from "../../src/balancers/registry.ts";
import { createBalancer } from "../../src/balancers/create-balancer.ts";
import { seededRandom } from "../../src/core/random.ts";
import { type Flow, TCP } from "../../src/net/flow.ts";
import { parseIp } from "../../src/net/ip.ts";
import { DrivenSet } from "../support/driven-set.ts";
import { suite } from "../support/suite.ts";

const test = suite("lblc and lblcr");

const MINUTE = 60_000;
const flowTo = (dst: string): Flow => ({
  proto: TCP,
  src: parseIp("192.0.2.1"),
  srcPort: 4000,
  dst: parseIp(dst),
  dstPort: 80,
});
const [here, there] = [flowTo("10.96.0.1"), flowTo("fd00::1")];

/** Slots 0, 1, … with these weights, added in this order: the last one is the first in the list. */
function servers(name: string, weights: readonly number[], options: object = {}): DrivenSet {
  const { create, stateWords } = algorithm(name, options);
  const set = createBackendSet(weights.length);
  const driven = new DrivenSet(set, create(set, new Int32Array(stateWords(weights.length)), seededRandom(1)));
  for (const [slot, weight] of weights.entries()) driven.add(slot, weight);
  return driven;
}

/** Picks for a flow and counts the connection. */
function open(driven: DrivenSet, flow: Flow, nowMs = 0): number {
  const slot = driven.balancer.pick(flow, nowMs);
  driven.count(slot, { active: 1 });
  return slot;
}

test("lblc: an address stays with its server, IPv4 or IPv6, until that is too loaded while another has room", () => {
  const driven = servers("lblc", [4, 2]);
  assert.deepEqual([open(driven, here), open(driven, there)], [1, 0]);
  assert.deepEqual([open(driven, here), open(driven, here), open(driven, here)], [1, 1, 0]);
  assert.deepEqual([open(driven, there), open(driven, here)], [0, 0]);
});

test("lblc: thresholds do not move an address, a new one goes elsewhere", () => {
  const driven = servers("lblc", [9, 9]);
  driven.limit(1, { upper: 1, lower: 0 });
  assert.deepEqual([open(driven, here), open(driven, there), open(driven, here)], [1, 0, 1]);
});

test("lblc: weight 0 and removal move an address for good", () => {
  const driven = servers("lblc", [5, 5, 5]);
  assert.equal(open(driven, here), 2);
  driven.reweigh(2, 0);
  assert.equal(open(driven, here), 1);
  driven.reweigh(2, 5);
  driven.remove(1);
  assert.equal(open(driven, here), 0);
  driven.add(1, 5);
  assert.equal(open(driven, here), 0);
});

test("a backend that comes back has its addresses again, though its place was given to another meanwhile", () => {
  for (const name of ["lblc", "lblcr"] as const) {
    const balancer = createBalancer(
      { algorithm: name },
      ["a", "b"].map((id) => ({ id })),
    );
    balancer.acquire(here)!.release();
    assert.equal(balancer.acquire(there)!.backend, "b");
    balancer.update(["a", "c", "d"].map((id) => ({ id })));
    balancer.update(["b", "a", "c", "d"].map((id) => ({ id })));
    assert.equal(balancer.acquire(here)?.backend, "b", name);
  }
});

test("lblcr: a flow goes to the least loaded member of the address's set, and a too loaded one brings in another", () => {
  const driven = servers("lblcr", [1, 1, 1]);
  // 2 until it has more than its weight, then 1 joins, then 0; from then on the least loaded, the newest member first.
  const picks = Array.from({ length: 9 }, () => open(driven, here));
  assert.deepEqual(picks, [2, 2, 1, 1, 0, 0, 0, 1, 2]);
});

test("lblcr: an old set of two gives up its most loaded member after the pick, of equal ones the newest", () => {
  const driven = servers("lblcr", [1, 1], { lblcrExpirationSeconds: 3600 });
  assert.deepEqual([open(driven, here), open(driven, here), open(driven, here)], [1, 1, 0]);
  driven.count(1, { active: -2 });
  driven.count(0, { active: -1 });
  const pick = (minutes: number): number => driven.balancer.pick(here, minutes * MINUTE);
  assert.deepEqual([pick(30), pick(60), pick(60.1), pick(60.2)], [0, 0, 0, 1]);
});

test("lblcr: a member that wlc picks again does not join again, and does not make the set younger", () => {
  const driven = servers("lblcr", [1, 1, 2], { lblcrExpirationSeconds: 3600 });
  driven.count(2, { inactive: 100_000 });
  assert.equal(open(driven, here), 1);
  driven.count(1, { active: 1 });
  assert.equal(open(driven, here), 0);
  driven.count(0, { active: 1 });
  // Both members have two; server 2 has room, but the larger overhead.
  const pick = (minutes: number): number => driven.balancer.pick(here, minutes * MINUTE);
  assert.deepEqual([pick(50), pick(61)], [1, 1]);
  driven.count(0, { active: -2 });
  driven.count(1, { active: -1 });
  assert.equal(pick(61), 1);
});

test("lblc says where an address is, why it leaves, and what was compared then", () => {
  const driven = servers("lblc", [2, 1]);
  const wlc = "the smallest overhead per weight; of equal ones the newest";
  const loads = "(257 × active + inactive) / weight";
  assert.deepEqual(driven.balancer.explain(here, 0), {
    slot: 1,
    rule: `the destination address has no backend yet: ${wlc}`,
    candidates: [1, 0].map((slot) => ({ slot, value: 0, meaning: loads })),
  });
  open(driven, here);
  const kept = (value: number, why = ""): object => ({
    slot: 1,
    value,
    meaning: `active connections of the backend that the address has, of weight 1${why}`,
  });
  assert.deepEqual(driven.balancer.explain(here, 0), {
    slot: 1,
    rule: "the backend that the destination address has",
    candidates: [kept(1)],
  });
  open(driven, here);
  assert.deepEqual(driven.balancer.explain(here, 0), {
    slot: 0,
    rule: `its backend does not keep it: ${wlc}`,
    candidates: [
      kept(2, "; another has less than half of its own weight"),
      { slot: 1, value: 514, meaning: loads },
      { slot: 0, value: 0, meaning: loads },
    ],
  });
  driven.remove(1);
  assert.deepEqual(driven.balancer.explain(here, 0).candidates[0], kept(2, "; removed"));
});

test("lblcr says which members an address has, and why another joins", () => {
  const driven = servers("lblcr", [1, 1]);
  const wlc = "the smallest overhead per weight; of equal ones the newest";
  const loads = "(257 × active + inactive) / weight";
  const member = `${loads} of a member, newest first; `;
  open(driven, here);
  assert.deepEqual(driven.balancer.explain(here, 0), {
    slot: 1,
    rule: "the least loaded member of the address's set; of equal ones the newest",
    candidates: [{ slot: 1, value: 257, meaning: `${member}may take new flows` }],
  });
  open(driven, here);
  assert.deepEqual(driven.balancer.explain(here, 0), {
    slot: 0,
    rule: `the least loaded member has too many for its weight: ${wlc}`,
    candidates: [
      { slot: 1, value: 514, meaning: `${member}may take new flows` },
      { slot: 1, value: 514, meaning: loads },
      { slot: 0, value: 0, meaning: loads },
    ],
  });
  driven.remove(1);
  const { rule, candidates } = driven.balancer.explain(here, 0);
  assert.equal(rule, `no member of the address's set may take it: ${wlc}`);
  assert.deepEqual(candidates[0], { slot: 1, value: 514, meaning: `${member}removed` });
});

test("an explanation changes nothing in the state, also when a sweep is due", () => {
  for (const name of ["lblc", "lblcr", "mh"]) {
    const { create, stateWords } = algorithm(name);
    const set = createBackendSet(2);
    const state = new Int32Array(stateWords(2));
    const driven = new DrivenSet(set, create(set, state, seededRandom(1)));
    for (const slot of [0, 1]) driven.add(slot, 1);
    driven.balancer.pick(here, 0);
    driven.reweigh(0, 2);
    const before = state.slice();
    driven.balancer.explain(there, 100 * 24 * 60 * MINUTE);
    assert.deepEqual(state, before, name);
  }
});

test("refuses options that they do not take, and times that cannot be", () => {
  const cases: readonly (readonly [name: string, options: object, path: string])[] = [
    ["lblc", { lblcrExpirationSeconds: 1 }, "lblcrExpirationSeconds"],
    ["lblc", { lblcExpirationSeconds: -1 }, "lblcExpirationSeconds"],
    ["lblcr", { lblcrExpirationSeconds: 0.5 }, "lblcrExpirationSeconds"],
    ["lblcr", { kernel: "6.1" }, "kernel"],
    ["sh", { "sh-port": true }, "sh-port"],
    ["sh", { shPort: 1 }, "shPort"],
    ["dh", { shPort: true }, "shPort"],
    ["mh", { mhFallback: "yes" }, "mhFallback"],
    ["mh", { mhTableIndex: 7 }, "mhTableIndex"],
    ["mh", { mhTableIndex: 18 }, "mhTableIndex"],
  ];
  for (const [name, options, path] of cases) {
    assert.throws(
      () => algorithm(name, options),
      (error: { code: string; details: { path: string } }) =>
        error.code === "BALANCER_INVALID" && error.details.path === path,
      `${name} ${JSON.stringify(options)}`,
    );
  }
});
