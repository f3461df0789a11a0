import assert from "node:assert/strict";
import { createBackendSet } from "../../src/balancers/backend-set.ts";
import { NO_BACKEND } from "../../src/balancers/balancer.ts";
import { identityOf } from "../../src/balancers/identity.ts";
import { algorithm } from "../../src/balancers/registry.ts";
import { seededRandom } from "../../src/core/random.ts";
import { type Flow, TCP } from "../../src/net/flow.ts";
import type { Ip4 } from "../../src/net/ip.ts";
import { DrivenSet } from "../support/driven-set.ts";
import { suite } from "../support/suite.ts";

const test = suite("sh, dh and mh: shares, moves and explanations");

const flowFrom = (src: number): Flow => ({ proto: TCP, src: src as Ip4, srcPort: 4000, dst: 1 as Ip4, dstPort: 80 });

/** Servers with these weights, at addresses in a row. */
function servers(name: string, weights: readonly number[], options: object = {}): DrivenSet {
  const { create, stateWords } = algorithm(name, options);
  const set = createBackendSet(weights.length);
  const driven = new DrivenSet(set, create(set, new Int32Array(stateWords(weights.length)), seededRandom(1)));
  for (const [slot, weight] of weights.entries()) {
    driven.add(slot, weight, undefined, identityOf(`10.244.${slot >> 8}.${slot & 255}:8080`));
  }
  return driven;
}

/** One flow for each entry of a table, found by asking which entry a flow comes to. */
function flowsByEntry({ balancer }: DrivenSet, entries: number): Flow[] {
  const random = seededRandom(9);
  const flows = new Map<number, Flow>();
  for (let tries = 0; flows.size < entries && tries < 100 * entries; tries += 1) {
    const flow = flowFrom(random.u32());
    flows.set(balancer.explain(flow, 0).candidates[0]!.value, flow);
  }
  assert.equal(flows.size, entries);
  return [...flows].sort(([a], [b]) => a - b).map(([, flow]) => flow);
}

function entriesBySlot({ set, balancer }: DrivenSet, flows: readonly Flow[]): number[] {
  const hits = Array.from({ length: set.capacity }, () => 0);
  for (const flow of flows) hits[balancer.pick(flow, 0)]! += 1;
  return hits;
}

const buckets = flowsByEntry(servers("sh", [1]), 256);
const entries = flowsByEntry(servers("mh", [1]), 4093);
const equal = (count: number): number[] => Array.from({ length: count }, () => 1);

test("sh: of 100 equal servers the largest share is 1.17 times the mean, of 200 it is 1.56 times", () => {
  // 256 buckets: 56 of 100 have 3 in place of 2.56, 56 of 200 have 2 in place of 1.28.
  for (const [count, most, ratio] of [
    [100, 3, 1.17],
    [200, 2, 1.56],
  ] as const) {
    const hits = entriesBySlot(servers("sh", equal(count)), buckets);
    assert.equal(Math.max(...hits), most);
    assert.equal(hits.filter((n) => n === most).length, 56);
    assert.equal((most / (256 / count)).toFixed(2), ratio.toFixed(2));
  }
});

test("sh: of 300 equal servers the 44 oldest get nothing", () => {
  const hits = entriesBySlot(servers("sh", equal(300)), buckets);
  assert.deepEqual(hits, [...Array.from({ length: 44 }, () => 0), ...equal(256)]);
});

test("sh: a weight of 256 takes all buckets from the servers behind it", () => {
  assert.deepEqual(entriesBySlot(servers("sh", [1, 256, 1]), buckets), [0, 255, 1]);
});

test("mh: 100 equal servers have 40 or 41 of 4093 entries each, at most 2.3 % from their share", () => {
  const hits = entriesBySlot(servers("mh", equal(100)), entries);
  // 93 of them have a 41st turn.
  assert.deepEqual([hits.filter((n) => n === 41).length, hits.filter((n) => n === 40).length], [93, 7]);
  for (const n of hits) assert.ok(Math.abs(n / 40.93 - 1) < 0.023);
});

test("mh: 100 servers of weights 1 to 10 have 7 or 8 entries for each unit of weight, at most 7.5 % from their share", () => {
  const weights = Array.from({ length: 100 }, (_, slot) => 1 + (slot % 10));
  const hits = entriesBySlot(servers("mh", weights), entries);
  // 550 units share 4093 entries: 7.44 each, 7 whole rounds and a part of one; where that part ends, a server is cut.
  const share = 4093 / 550;
  let cut = 0;
  for (const [slot, n] of hits.entries()) {
    const rounds = n / weights[slot]!;
    if (rounds !== 7 && rounds !== 8) cut += 1;
    assert.ok(rounds >= 7 && rounds <= 8 && Math.abs(rounds / share - 1) < 0.076, `${n} of weight ${weights[slot]}`);
  }
  assert.ok(cut <= 1);
});

test("mh: a server 1000 times lighter than the other has 64 of 4093 entries, 16 times its share", () => {
  // 1000 has 10 bits, 4 more than are kept: 62 turns against 1, the least. That is 64 whole rounds, and 61 for the heavy one.
  assert.deepEqual(entriesBySlot(servers("mh", [1, 1000]), entries), [64, 4029]);
});

test("mh: weights count only by what they have in common", () => {
  const [one, other] = [servers("mh", [6, 2, 4]), servers("mh", [300, 100, 200])];
  assert.deepEqual(
    entries.map((flow) => one.balancer.pick(flow, 0)),
    entries.map((flow) => other.balancer.pick(flow, 0)),
  );
});

test("mh: weight 0 refuses the server's own flows and moves no other; a server that is added with 0 has none", () => {
  const driven = servers("mh", [3, 1, 2, 2]);
  const picks = (): number[] => entries.map((flow) => driven.balancer.pick(flow, 0));
  const before = picks();
  driven.reweigh(2, 0);
  assert.deepEqual(
    picks(),
    before.map((slot) => (slot === 2 ? NO_BACKEND : slot)),
  );
  driven.reweigh(2, 2);
  assert.deepEqual(picks(), before);

  driven.remove(2);
  const without = picks();
  driven.add(2, 0, undefined, identityOf("10.244.0.2:8080"));
  assert.deepEqual(picks(), without);
  assert.ok(!without.includes(2) && !without.includes(NO_BACKEND));
});

/** How many entries of other servers change hands when one of 100 leaves. */
function movedOthers(name: string, flows: readonly Flow[]): { readonly moved: number; readonly others: number } {
  const driven = servers(name, equal(100));
  const before = flows.map((flow) => driven.balancer.pick(flow, 0));
  driven.remove(50);
  const others = flows.filter((_, at) => before[at] !== 50);
  const moved = flows.filter((flow, at) => before[at] !== 50 && driven.balancer.pick(flow, 0) !== before[at]);
  return { moved: moved.length, others: others.length };
}

test("one of 100 equal servers that leaves moves under 5 % of the other entries of mh, and 204 of 253 of sh", () => {
  const { moved, others } = movedOthers("mh", entries);
  assert.ok(moved < 0.05 * others, `${moved} of ${others}`);
  // Only the 49 buckets before its first one stay where they are.
  assert.deepEqual(movedOthers("sh", buckets), { moved: 253 - 49, others: 253 });
});

test("mh: more servers than entries leave the oldest without one", () => {
  const small = servers("mh", equal(300), { mhTableIndex: 8 });
  const hits = entriesBySlot(small, flowsByEntry(small, 251));
  assert.deepEqual(hits, [...Array.from({ length: 49 }, () => 0), ...equal(251)]);
});

test("sh and mh say which entries a flow came to, and why the next one was tried", () => {
  for (const [name, fallback, entry] of [
    ["sh", "shFallback", "bucket of the source"],
    ["mh", "mhFallback", "entry of the source"],
  ] as const) {
    const flow = buckets[7]!;
    const driven = servers(name, equal(3), { [fallback]: true });
    const { slot: first, candidates } = driven.balancer.explain(flow, 0);
    const value = candidates[0]!.value;
    assert.deepEqual(candidates, [{ slot: first, value, meaning: `${entry}; may take new flows` }]);

    driven.reweigh(first!, 0);
    const second = driven.balancer.explain(flow, 0);
    assert.equal(second.slot, driven.balancer.pick(flow, 0));
    assert.match(second.candidates[0]!.meaning, /; weight 0$/);
    const last = second.candidates.at(-1)!;
    assert.equal(last.slot, second.slot);
    assert.equal(last.meaning, `fallback ${second.candidates.length - 1}: ${entry}; may take new flows`);

    driven.limit(second.slot!, { upper: 1, lower: 0 });
    driven.count(second.slot!, { active: 1 });
    assert.ok(driven.balancer.explain(flow, 0).candidates.some(({ meaning }) => meaning.endsWith("; overloaded")));
  }
});

test("without a fallback, a flow whose backend may take none is refused, and that is the explanation", () => {
  for (const name of ["sh", "dh", "mh"]) {
    const driven = servers(name, [1]);
    driven.reweigh(0, 0);
    const { slot, candidates } = driven.balancer.explain(flowFrom(5), 0);
    assert.equal(slot, NO_BACKEND);
    assert.equal(candidates.length, 1);
    assert.match(candidates[0]!.meaning, /; weight 0$/);
    driven.remove(0);
    assert.deepEqual(driven.balancer.explain(flowFrom(5), 0).candidates, []);
  }
});
