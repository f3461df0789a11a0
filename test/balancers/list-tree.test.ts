import assert from "node:assert/strict";
import * as fc from "fast-check";
import {
  type BackendSet,
  createBackendSet,
  growBackendSet,
  holds,
  linkFirst,
  listed,
  unlink,
} from "../../src/balancers/backend-set.ts";
import { NO_BACKEND } from "../../src/balancers/balancer.ts";
import { largest, type ListTree, listTree, listTreeWords, sum } from "../../src/balancers/list-tree.ts";
import { seededRandom } from "../../src/core/random.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const test = suite("list tree");
const CAPACITY = 9;

function treesOver(set: BackendSet, state: Int32Array): ListTree {
  return listTree(set, state, [
    { of: (slot) => set.weight[slot]!, join: sum },
    { of: (slot) => set.weight[slot]!, join: largest },
  ]);
}

const slot = fc.nat(CAPACITY - 1);
const weight = fc.oneof(fc.nat(5), fc.constant(65_535));
const edits = fc.array(fc.record({ slot, weight, what: fc.constantFrom("link", "weigh", "rebuild", "grow") }), {
  maxLength: 120,
  size: "max",
});

test("finds what a walk along the list finds, on any run of changes", () => {
  fc.assert(
    fc.property(edits, (edits) => {
      let set = createBackendSet(CAPACITY);
      let state = new Int32Array(listTreeWords(CAPACITY, 2));
      let tree = treesOver(set, state);
      for (const { slot, weight, what } of edits) {
        if (what === "rebuild") tree.rebuild();
        else if (what === "grow" && set.capacity < 4 * CAPACITY) {
          set = growBackendSet(set, set.capacity * 2);
          const longer = new Int32Array(listTreeWords(set.capacity, 2));
          longer.set(state);
          state = longer;
          tree = treesOver(set, state);
        } else if (what === "weigh") {
          set.weight[slot] = weight;
          tree.changed(slot);
        } else if (holds(set, slot)) {
          tree.removing(slot);
          unlink(set, slot);
        } else {
          linkFirst(set, slot, weight);
          tree.added(slot);
        }
        expectSame(set, tree);
      }
    }),
    { seed, numRuns: runs(2000, 200) },
  );
});

function expectSame(set: BackendSet, tree: ListTree): void {
  const slots = listed(set);
  const weights = slots.map((slot) => set.weight[slot]!);
  assert.equal(
    tree.total(0),
    weights.reduce((total, one) => total + one, 0),
  );
  assert.equal(tree.total(1), Math.max(...weights, 0));
  for (const [index, behind] of [set.capacity, ...slots].entries()) {
    const found = slots.slice(index).find((slot) => set.weight[slot]! > 0) ?? NO_BACKEND;
    assert.equal(tree.firstFrom(behind, 1), found);
  }
  let before = 0;
  for (const [index, one] of weights.entries()) {
    const figures = Int32Array.of(before + 1, before + one);
    before += one;
    if (one === 0) continue;
    assert.deepEqual([tree.atSum(figures[0]!), tree.atSum(figures[1]!)], [slots[index], slots[index]]);
    figures[0] = tree.total(0);
    tree.atSums(figures);
    assert.deepEqual([...figures], [tree.atSum(tree.total(0)), slots[index]]);
  }
}

test("no addition costs more than some paths to the root, however long slots come and go: the holes are closed bit by bit", () => {
  const slots = 1000;
  const set = createBackendSet(slots);
  let joins = 0;
  const counted = (a: number, b: number): number => {
    joins += 1;
    return a + b;
  };
  const tree = listTree(set, new Int32Array(listTreeWords(slots, 1)), [{ of: () => 1, join: counted }]);
  for (let slot = 0; slot < slots; slot += 1) linkFirst(set, slot, 1);
  tree.rebuild();
  const random = seededRandom(seed);
  let most = 0;
  for (let round = 0; round < 20_000; round += 1) {
    // The oldest, the newest, and any.
    const slot = round % 3 === 0 ? set.prev[slots]! : round % 3 === 1 ? set.next[slots]! : random.below(slots);
    tree.removing(slot);
    unlink(set, slot);
    linkFirst(set, slot, 1);
    joins = 0;
    tree.added(slot);
    most = Math.max(most, joins);
  }
  // 2048 leaves: 12 joins a path, one path for the new slot, two for each of 8 that are moved. Anew it would be 2047.
  assert.ok(most > 12 && most <= 17 * 12, `${most} joins`);
  expectOrder(set, tree);
});

/** That the nth of equal slots is found by its number. */
function expectOrder(set: BackendSet, tree: ListTree): void {
  const slots = listed(set);
  assert.equal(tree.total(0), slots.length);
  assert.deepEqual(
    slots.map((_, index) => tree.atSum(index + 1)),
    slots,
  );
}

test("adds up to sums of 32 bits", () => {
  const set = createBackendSet(65_535);
  const state = new Int32Array(listTreeWords(65_535, 1));
  const tree = listTree(set, state, [{ of: (slot) => set.weight[slot]!, join: sum }]);
  for (let slot = 0; slot < 65_535; slot += 1) linkFirst(set, slot, 65_535);
  tree.rebuild();
  assert.equal(tree.total(0), 65_535 ** 2);
  for (const nth of [1, 2, 32_767, 32_768, 32_769, 65_534, 65_535]) {
    assert.equal(tree.atSum(nth * 65_535), 65_535 - nth);
    assert.equal(tree.atSum(nth * 65_535 - 65_534), 65_535 - nth);
    const figures = Int32Array.of(nth * 65_535 - 65_534, (65_536 - nth) * 65_535);
    tree.atSums(figures);
    assert.deepEqual([...figures], [65_535 - nth, nth - 1]);
  }
});
