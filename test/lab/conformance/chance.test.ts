import assert from "node:assert/strict";
import * as fc from "fast-check";
import { createBackendSet, linkFirst } from "../../../src/balancers/backend-set.ts";
import { algorithm } from "../../../src/balancers/registry.ts";
import { seededRandom } from "../../../src/core/random.ts";
import { isLikely } from "../../../src/lab/conformance/chance.ts";
import { replayVector } from "../../../src/lab/conformance/replay.ts";
import { twosLaw } from "../../../src/lab/conformance/twos-law.ts";
import { sampleFlows } from "../../support/flows.ts";
import { runs, seed } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";
import { close, type Literal, open, server, vector } from "./vectors.ts";

const test = suite("conformance of random picks");

const flow = sampleFlows(1, 1)[0]!;

test("the law of twos is what its balancer does with each pair of draws", () => {
  const backend = fc.record({ weight: fc.nat(3), active: fc.nat(2), inactive: fc.nat(300), overloaded: fc.boolean() });
  fc.assert(
    fc.property(fc.array(backend, { minLength: 1, maxLength: 5 }), (backends) => {
      const set = createBackendSet(backends.length);
      const { create, stateWords } = algorithm("twos");
      let next: number[] = [];
      const random = { u32: () => 0, below: () => next.shift()! };
      const balancer = create(set, new Int32Array(stateWords(set.capacity)), random);
      for (const [slot, { weight, active, inactive, overloaded }] of backends.entries()) {
        linkFirst(set, slot, weight);
        set.active[slot] = active;
        set.inactive[slot] = inactive;
        set.overloaded[slot] = Number(overloaded);
        balancer.added(slot);
      }
      const weights = backends.reduce((sum, { weight, overloaded }) => sum + (overloaded ? 0 : weight), 0);
      const pick = (...both: number[]): number => {
        next = both;
        return balancer.pick(flow, 0);
      };
      const chances = new Map<number, number>();
      const draws = weights === 0 ? [] : Array.from({ length: weights + 1 }, (_, draw) => draw);
      for (const first of draws) {
        for (const second of draws) {
          const slot = pick(first, second);
          chances.set(slot, (chances.get(slot) ?? 0) + draws.length ** -2);
        }
      }
      const law = twosLaw(set, "6.1.192");
      assert.deepEqual([...law.chances.keys()].sort(), [...chances.keys()].sort());
      for (const [slot, chance] of law.chances) assert.ok(Math.abs(chance - chances.get(slot)!) < 1e-12);
      for (const [slot, draw] of law.draws) assert.equal(pick(draw, draw), slot);
    }),
    { seed, numRuns: runs(1000, 200) },
  );
});

const OPENS = 400;

/** Opens, of which every second one is closed a little later. */
const events = Array.from({ length: OPENS }, (_, n): Literal[] => [
  open(n),
  ...(n % 2 === 0 && n >= 10 ? [close(n - 10, "client-rst")] : []),
]).flat();
const servers = [server(1, { weight: 2 }), server(2), server(3)];
const random = (fields: Literal) => vector({ scheduler: "twos", deterministic: false, servers, events, ...fields });
/** As wlc picks: always the least loaded. */
const leastLoaded = replayVector(vector({ scheduler: "wlc", servers, events })).picks;
const ownPicks = (seed: number) => replayVector(random({}), { seed }).picks;

test("picks of twos itself are likely, whatever the seed, and other seeds make others", () => {
  const [first, second] = [ownPicks(1), ownPicks(2)];
  assert.notDeepEqual(first, second);
  for (const picks of [first, second]) {
    const { ok, likelihood, differences } = replayVector(random({ picks }));
    assert.deepEqual([ok, likelihood!.picks, differences], [true, OPENS, []]);
  }
});

test("picks that are possible and follow another law are too unlikely", () => {
  const { ok, likelihood, differences } = replayVector(random({ picks: leastLoaded }));
  assert.deepEqual([ok, differences], [false, []]);
  // Two draws miss the least loaded now and then.
  assert.ok(likelihood!.z > 4 && !isLikely(likelihood!), String(likelihood!.z));
  const chance = seededRandom(1);
  const byWeight = Array.from({ length: OPENS }, () => [1, 1, 2, 3][chance.below(4)]!);
  assert.ok(replayVector(random({ picks: byWeight })).likelihood!.z < -4);
});

test("every further run is judged as well, and told by its number", () => {
  const otherRuns = [{ picks: ownPicks(2) }, { picks: ownPicks(3).with(7, null) }];
  const { ok, likelihood, differences } = replayVector(random({ picks: ownPicks(1), otherRuns }));
  assert.deepEqual([ok, likelihood!.picks], [false, 3 * OPENS - 1]);
  const possible = [3, 2, 1];
  const first = { run: 2, what: "picks", index: 7, recorded: null, replayed: possible, impossible: true };
  assert.deepEqual(differences, [{ ...first, event: differences[0]!.event }]);
});

test("a pick of a server that may take no flow is impossible, and counts are compared along the recorded way", () => {
  const short = [{ op: "setWeight", server: 3, weight: 0 }, open(1), open(2)];
  const counts = [
    null,
    [
      [3, 0, 0],
      [2, 0, 0],
      [1, 1, 0],
    ],
    [
      [3, 0, 0],
      [2, 1, 0],
      [1, 1, 0],
    ],
  ];
  assert.ok(replayVector(random({ events: short, picks: [1, 2], counts })).ok);
  const { differences } = replayVector(random({ events: short, picks: [1, 3] }));
  assert.deepEqual(
    differences.map(({ index, replayed, impossible }) => [index, replayed, impossible]),
    [[1, [2, 1], true]],
  );
  const wrong = replayVector(random({ events: short, picks: [1, 1], counts })).differences;
  assert.deepEqual(
    wrong.map(({ what, event }) => [what, event]),
    [["counts", 2]],
  );
});

test("what is not left to chance is compared as ever: templates, known connections, other schedulers", () => {
  const events = [open(1), open(2), { op: "setScheduler", scheduler: "rr", flags: [] }, open(3)];
  const persistent = (picks: readonly number[]) =>
    replayVector(random({ events, persistence: { timeout: 300 }, picks }));
  assert.ok(persistent([2, 2, 2]).ok);
  assert.deepEqual(persistent([2, 2, 2]).likelihood!.picks, 1);
  assert.deepEqual(
    persistent([2, 1, 3]).differences.map(({ index, replayed, impossible }) => [index, replayed, impossible]),
    [
      [1, 2, false],
      [2, 2, false],
    ],
  );
  const other = replayVector(random({ events, picks: [1, 2, 1] }));
  assert.deepEqual(
    other.differences.map(({ index, replayed }) => [index, replayed]),
    [[2, 3]],
  );
});
