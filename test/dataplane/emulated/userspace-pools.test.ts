import assert from "node:assert/strict";
import { listed } from "../../../src/balancers/backend-set.ts";
import { manualClock } from "../../../src/core/clock.ts";
import { seededRandom } from "../../../src/core/random.ts";
import { createNodeState } from "../../../src/dataplane/emulated/node-state.ts";
import { createPoolViews } from "../../../src/dataplane/emulated/pool-views.ts";
import { createPoolKeeper } from "../../../src/dataplane/emulated/pools.ts";
import { prepareDecider } from "../../../src/dataplane/emulated/prepare-decider.ts";
import { suite } from "../../support/suite.ts";
import { flow, plan, said, userspace } from "./literals.ts";
import { at, numberOf, Pools } from "./pool-trial.ts";

const test = suite("pools of the userspace mode");

test("the first list is a shuffle, and its turns start at its head", () => {
  const seen = new Set<string>();
  for (let run = 0; run < 60; run += 1) {
    const keeper = createPoolKeeper({ threads: 1, shared: false, random: seededRandom(run) });
    const views = createPoolViews({ thread: 0, random: seededRandom(0) });
    views.use(keeper.prepare(userspace({ [at]: ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"] })));
    keeper.commit();
    const { pool, addrs } = views.pool("default/0")!;
    const order = listed(pool.set);
    const turns = [0, 1, 2, 3].map(() => pool.choose(flow("10.244.1.9", at), 0, false));
    assert.deepEqual(turns, [...order, order[0]]);
    seen.add(order.map((slot) => numberOf(addrs[slot])).join(""));
  }
  // Of 6 orders each is missing in 60 shuffles with probability (5/6)^60 = 2e-5; these seeds are fixed.
  assert.equal(seen.size, 6);
});

const name = "default/0";
const endpoints = (...numbers: readonly number[]): readonly string[] => numbers.map((n) => `10.0.0.${n}:80`);

test("the same endpoints in another order change nothing, the turn goes on", () => {
  const pools = new Pools().apply(userspace({ [at]: endpoints(1, 2, 3, 4, 5) }));
  const order = pools.list(name);
  assert.equal(pools.open(name).number, order[0]);
  pools.apply(userspace({ [at]: endpoints(5, 4, 3, 2, 1) }));
  assert.deepEqual(pools.list(name), order);
  assert.equal(pools.open(name).number, order[1]);
});

test("another set of endpoints is shuffled anew and turns start over", () => {
  const eight = endpoints(1, 2, 3, 4, 5, 6, 7, 8);
  const pools = new Pools().apply(userspace({ [at]: eight }));
  const old = pools.list(name);
  pools.open(name);
  pools.apply(userspace({ [at]: [...eight.slice(1), "10.0.0.9:80"] }));
  const order = pools.list(name);
  assert.deepEqual([...order].sort(), [2, 3, 4, 5, 6, 7, 8, 9]);
  assert.notDeepEqual(
    order.filter((n) => n !== 9),
    old.filter((n) => n !== 1),
    "seed 5: not the old order",
  );
  assert.equal(pools.open(name).number, order[0]);
});

test("a client keeps its endpoint through a shuffle, but not the loss of it", () => {
  const affine = { affinitySeconds: 100 };
  const pools = new Pools().apply(userspace({ [at]: endpoints(1, 2, 3) }, affine));
  const { number } = pools.open(name);
  pools.apply(userspace({ [at]: endpoints(1, 2, 3, 4) }, affine));
  assert.equal(pools.open(name).number, number);
  pools.apply(userspace({ [at]: endpoints(...[1, 2, 3, 4].filter((n) => n !== number)) }, affine));
  const next = pools.open(name).number;
  assert.notEqual(next, number);
  pools.apply(userspace({ [at]: endpoints(1, 2, 3, 4) }, affine));
  assert.equal(pools.open(name).number, next);
});

const client = flow("10.244.1.9", at);
const withEndpoints = (affinitySeconds: number) => userspace({ [at]: endpoints(1, 2) }, { affinitySeconds });
const withoutEndpoints = (affinitySeconds: number) => userspace({ [at]: [] }, { affinitySeconds });

/** Whether a client that chooses anew after this long has its endpoint still. */
function keepsFor(pools: Pools, ms: number, fromMs = 0): boolean {
  const slot = pools.pool(name).choose(client, fromMs, false);
  return pools.pool(name).choose(client, fromMs + ms, false) === slot;
}

test("a service that comes with its endpoints has an affinity of 3 hours, whatever its own", () => {
  for (const seconds of [4, 100_000]) {
    assert.ok(keepsFor(new Pools().apply(withEndpoints(seconds)), 10_799_999), `${seconds} s`);
    assert.ok(!keepsFor(new Pools().apply(withEndpoints(seconds)), 10_800_000), `${seconds} s`);
  }
});

test("a service that was there before its endpoints has its own affinity time, and keeps it through changes", () => {
  const first = () => new Pools().apply(withoutEndpoints(100)).apply(withEndpoints(100));
  assert.ok(keepsFor(first(), 99_999));
  assert.ok(!keepsFor(first(), 100_000));
  assert.ok(keepsFor(first().apply(withEndpoints(5)), 99_999));
  assert.ok(!keepsFor(first().apply(withEndpoints(500)), 100_000));
});

test("affinity that is switched off ends at once, and switched on again lasts 3 hours", () => {
  const pools = new Pools().apply(withoutEndpoints(100)).apply(withEndpoints(100));
  assert.ok(keepsFor(pools, 1));
  pools.apply(withEndpoints(0));
  assert.ok(!keepsFor(pools, 1));
  pools.apply(withEndpoints(5));
  assert.ok(keepsFor(pools, 10_799_999));
  assert.ok(!keepsFor(pools, 10_800_000, 20_000_000));
});

test("a further try passes over the affinity and leaves its choice in its place", () => {
  const pools = new Pools().apply(userspace({ [at]: endpoints(1, 2, 3) }, { affinitySeconds: 100 }));
  const first = pools.pool(name).choose(client, 0, false);
  const second = pools.pool(name).choose(client, 0, true);
  assert.notEqual(second, first);
  assert.equal(pools.pool(name).choose(client, 0, false), second);
});

test("a further try of the decider is a further try of the pool", () => {
  const state = createNodeState(seededRandom(1), manualClock());
  const keeper = createPoolKeeper({ threads: 1, shared: false, random: seededRandom(1) });
  const program = userspace({ [at]: endpoints(1, 2, 3) }, { affinitySeconds: 100 });
  state.use(program, keeper.prepare(program));
  keeper.commit();
  const decider = prepareDecider(program, plan(), state.decisions);
  const tries = [0, 1, 2, 0].map((attempt) => said(decider.decide(flow("10.244.1.9", at), attempt)));
  assert.equal(new Set(tries.slice(0, 3)).size, 3);
  assert.equal(tries[3], tries[2]);
});
