import assert from "node:assert/strict";
import * as fc from "fast-check";
import { NO_BACKEND } from "../../../src/balancers/balancer.ts";
import { TCP, UDP } from "../../../src/net/flow.ts";
import { runs, seed } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";
import { flow } from "./literals.ts";
import { at, key, Pools, servers } from "./pool-trial.ts";

const test = suite("counts of pools over threads");

const THREADS = 3;

type Act =
  | { readonly kind: "open"; readonly thread: number; readonly udp: boolean }
  | { readonly kind: "end"; readonly nth: number }
  | { readonly kind: "die"; readonly thread: number }
  | { readonly kind: "apply"; readonly servers: readonly number[]; readonly scheduler: string };

const thread = fc.nat(THREADS - 1);
const acts: fc.Arbitrary<Act> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("open" as const), thread, udp: fc.boolean() }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("end" as const), nth: fc.nat(50) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("die" as const), thread }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("apply" as const),
      servers: fc.uniqueArray(fc.integer({ min: 1, max: 20 }), { maxLength: 20 }),
      scheduler: fc.constantFrom("rr", "lc", "sed"),
    }),
  },
);

interface Open {
  readonly thread: number;
  readonly slot: number;
  active: boolean;
}

test("totals are the sums of the threads' columns, whatever opens, ends, dies and is applied", () => {
  const property = fc.property(fc.array(acts, { maxLength: 120 }), (all) => {
    const pools = new Pools(THREADS, true).ipvs(servers(1, 2, 3));
    let open: Open[] = [];
    for (const act of all) {
      open = perform(pools, open, act);
      assertSums(pools, open);
    }
    for (let last = open.length; last > 0; last -= 1)
      for (let twice = 0; twice < 2; twice += 1) open = perform(pools, open, { kind: "end", nth: 0 });
    const { active, inactive } = pools.pool().set;
    assert.ok(
      [...active, ...inactive].every((count) => count === 0),
      "all has ended, nothing is counted",
    );
  });
  fc.assert(property, { seed, numRuns: runs(3000, 300) });
});

function perform(pools: Pools, open: Open[], act: Act): Open[] {
  switch (act.kind) {
    case "open": {
      const proto = act.udp ? UDP : TCP;
      const slot = pools.pool(key, act.thread).choose(flow("10.244.1.9", at, proto), 0, false);
      return slot === NO_BACKEND ? open : [...open, { thread: act.thread, slot, active: !act.udp }];
    }
    case "end": {
      const one = open[act.nth % Math.max(open.length, 1)];
      if (one === undefined) return open;
      const pool = pools.pool(key, one.thread);
      if (!one.active) {
        pool.forgotten(one.slot);
        return open.filter((other) => other !== one);
      }
      pool.wentInactive(one.slot);
      one.active = false;
      return open;
    }
    case "die":
      pools.keeper.bury(act.thread);
      return open.filter((one) => one.thread !== act.thread);
    case "apply":
      pools.ipvs(servers(...act.servers), { scheduler: act.scheduler });
      return open;
  }
}

function assertSums(pools: Pools, open: readonly Open[]): void {
  const { set } = pools.pool();
  for (let slot = 0; slot < set.capacity; slot += 1) {
    const here = open.filter((one) => one.slot === slot);
    const active = here.filter((one) => one.active).length;
    assert.deepEqual([set.active[slot], set.inactive[slot]], [active, here.length - active], `slot ${slot}`);
    assert.equal(pools.pool().counted(slot), here.length);
  }
}
