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

test("a change of the set shuffles the list, and begins a turn at its head", () => {
  const changes: readonly ((balancer: LeasingBalancer) => void)[] = [
    (balancer) => balancer.update(backends("a", "b", "c", "d", "e")),
    (balancer) => balancer.update(backends("a", "b", "c")),
    (balancer) => balancer.put({ id: "e" }),
    (balancer) => balancer.remove("a"),
  ];
  for (const change of changes) {
    const firsts = new Set<string>();
    for (let n = 0; n < 200; n += 1) {
      const sources = { random: seededRandom(seed + n) };
      const balancer = createBalancer({ algorithm: "userspace" }, backends("a", "b", "c", "d"), sources);
      turn(balancer, 2);
      change(balancer);
      const list = balancer.counts().filter(({ listed }) => listed);
      const order = turn(balancer, list.length);
      assert.equal(order, list.map(({ id }) => id).join(""));
      firsts.add(order[0]!);
    }
    // Each of at most 5 backends is the first one in a given list with a chance of at least 1/5: that one never is, has a
    // chance of 5 × 0.8²⁰⁰, less than 10⁻¹⁸.
    assert.ok(firsts.size >= 3, [...firsts].join(" "));
  }
});
