import assert from "node:assert/strict";
import { createBalancer, type LeasingBalancer, seededRandom } from "../../src/balancers/index.ts";
import { sampleFlows } from "../support/flows.ts";
import { seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const test = suite("userspace");
const flow = sampleFlows(1, 1)[0]!;
const backends = (...ids: string[]): { id: string }[] => ids.map((id) => ({ id }));
const turn = (balancer: LeasingBalancer, size: number): string =>
  Array.from({ length: size }, () => balancer.acquire(flow)!.backend).join("");

test("every order of a new list is as likely: 3 backends, 12 000 lists", () => {
  const random = seededRandom(seed);
  const orders = new Map<string, number>();
  for (let n = 0; n < 12_000; n += 1) {
    const order = turn(createBalancer({ algorithm: "userspace" }, backends("a", "b", "c"), { random }), 3);
    orders.set(order, (orders.get(order) ?? 0) + 1);
  }
  // 6 fair cells, 5 degrees of freedom, as for random: with x = 21 a fair source fails once in 10⁹ runs.
  const chiSquare = [...orders.values()].reduce((sum, n) => sum + (n - 2000) ** 2 / 2000, 0);
  assert.equal(orders.size, 6);
  assert.ok(chiSquare < 5 + 2 * Math.sqrt(5 * 21) + 2 * 21, `seed ${seed}: ${JSON.stringify([...orders])}`);
});

test("backends take turns, and go on where they were as long as the set stays", () => {
  const balancer = createBalancer({ algorithm: "userspace" }, backends("a", "b", "c", "d"));
  const order = turn(balancer, 4);
  assert.equal(turn(balancer, 2), order.slice(0, 2));
  balancer.update(backends("d", "b", "c", "a"));
  balancer.put({ id: "b" });
  assert.equal(turn(balancer, 2), order.slice(2));
});

test("a change of the set draws another order, every one as likely whatever was before", () => {
  const changes: Readonly<Record<string, (balancer: LeasingBalancer) => void>> = {
    "one more": (balancer) => balancer.put({ id: "d" }),
    "one less": (balancer) => balancer.remove("d"),
    "one for another": (balancer) => balancer.update(backends("a", "b", "e")),
  };
  for (const [name, change] of Object.entries(changes)) {
    const random = seededRandom(seed);
    const before = name === "one more" ? backends("a", "b", "c") : backends("a", "b", "c", "d");
    const first = new Map<string, number>();
    for (let n = 0; n < 12_000; n += 1) {
      const balancer = createBalancer({ algorithm: "userspace" }, before, { random });
      // In the middle of a turn, and in the second one.
      turn(balancer, n % 7);
      change(balancer);
      const size = balancer.counts().filter(({ listed }) => listed).length;
      const order = turn(balancer, size);
      assert.equal(new Set(order).size, size);
      assert.equal(turn(balancer, size), order);
      first.set(order, (first.get(order) ?? 0) + 1);
    }
    const [cells, each] = name === "one more" ? [24, 500] : [6, 2000];
    const chiSquare = [...first.values()].reduce((sum, n) => sum + (n - each) ** 2 / each, 0);
    // As above.
    assert.equal(first.size, cells, name);
    assert.ok(
      chiSquare < cells - 1 + 2 * Math.sqrt((cells - 1) * 21) + 2 * 21,
      `seed ${seed}, ${name}: ${JSON.stringify([...first])}`,
    );
  }
});

test("who may take no flow for a while keeps the place that it has in the turn", () => {
  const balancer = createBalancer({ algorithm: "userspace" }, backends("a", "b", "c", "d"));
  const order = turn(balancer, 4);
  const [first, second, ...others] = order;
  balancer.put({ id: second!, weight: 0 });
  assert.equal(turn(balancer, 4), [first, ...others, first].join(""));
  balancer.put({ id: second!, weight: 1 });
  assert.equal(turn(balancer, 4), [second, ...others, first].join(""));
});

test("explains who may be next: by chance as long as the place is not drawn, then for certain", () => {
  const balancer = createBalancer({ algorithm: "userspace" }, [...backends("a", "b", "c"), { id: "d", weight: 0 }]);
  const { byChance, candidates } = balancer.explain(flow);
  assert.ok(byChance);
  assert.deepEqual(
    candidates.map(({ backend, value }) => [backend, value]).sort(),
    ["a", "b", "c"].map((id) => [id, 1 / 3]),
  );
  const order = turn(balancer, 3);
  assert.equal(balancer.explain(flow).backend, order[0]);
  assert.ok(!balancer.explain(flow).byChance);
});
