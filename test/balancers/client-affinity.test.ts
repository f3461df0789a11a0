import assert from "node:assert/strict";
import {
  createBalancer,
  type LeasingBalancer,
  manualClock,
  parseIp,
  seededRandom,
  TCP,
} from "../../src/balancers/index.ts";
import { algorithmNames } from "../../src/balancers/registry.ts";
import type { Flow } from "../../src/net/flow.ts";
import { suite } from "../support/suite.ts";

const test = suite("createBalancer: affinity by client");
const clock = manualClock();
const backends = (...ids: string[]): { id: string }[] => ids.map((id) => ({ id }));
let port = 1024;
const from = (client: string): Flow => ({
  proto: TCP,
  src: parseIp(client),
  srcPort: (port += 1),
  dst: parseIp(client.includes(":") ? "fd00::1" : "10.96.0.1"),
  dstPort: 80,
});
const sticky = (...ids: string[]): LeasingBalancer =>
  createBalancer({ algorithm: "rr", affinitySeconds: 10 }, backends(...ids), { clock });
const go = (balancer: LeasingBalancer, client: string): string | undefined => balancer.acquire(from(client))?.backend;

test("a client keeps its backend, whatever its port, under every algorithm", () => {
  for (const algorithm of algorithmNames) {
    const sources = { clock, random: seededRandom(1) };
    const balancer = createBalancer({ algorithm, affinitySeconds: 10 }, backends("a", "b", "c", "d"), sources);
    const clients = Array.from({ length: 20 }, (_, n) => `10.1.${n}.1`);
    const first = clients.map((client) => go(balancer, client));
    for (let round = 0; round < 3; round += 1) {
      assert.deepEqual(
        clients.map((client) => go(balancer, client)),
        first,
        algorithm,
      );
    }
  }
});

test("only flows of unknown clients move the algorithm on", () => {
  const balancer = sticky("a", "b", "c");
  assert.deepEqual(
    ["10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.3", "fd00::7", "fd00::7"].map((client) =>
      go(balancer, client),
    ),
    ["c", "c", "b", "c", "a", "c", "c"],
  );
});

test("each new flow of a client starts its time again; after it the algorithm decides", () => {
  const balancer = sticky("a", "b", "c");
  assert.equal(go(balancer, "10.0.0.1"), "c");
  clock.advance(9_999);
  assert.equal(go(balancer, "10.0.0.1"), "c");
  clock.advance(9_999);
  assert.equal(go(balancer, "10.0.0.1"), "c");
  clock.advance(10_000);
  assert.equal(go(balancer, "10.0.0.1"), "b");
});

test("a client whose backend is removed, drained or overloaded gets another one, and stays there", () => {
  const changes: readonly ((balancer: LeasingBalancer) => void)[] = [
    (balancer) => balancer.remove("c"),
    (balancer) => balancer.update(backends("a", "b")),
    (balancer) => balancer.put({ id: "c", weight: 0 }),
    (balancer) => balancer.put({ id: "c", upper: 1 }),
  ];
  for (const change of changes) {
    const balancer = sticky("a", "b", "c");
    assert.equal(go(balancer, "10.0.0.1"), "c");
    change(balancer);
    assert.equal(go(balancer, "10.0.0.1"), "b");
    balancer.update(backends("a", "b", "c"));
    assert.equal(go(balancer, "10.0.0.1"), "b");
  }
});

test("a backend that was removed and came back has lost its clients", () => {
  const balancer = sticky("a", "b", "c");
  assert.equal(go(balancer, "10.0.0.1"), "c");
  balancer.remove("c");
  balancer.put({ id: "c" });
  assert.equal(go(balancer, "10.0.0.2"), "c");
  assert.equal(go(balancer, "10.0.0.1"), "b");
});

test("explains that affinity decides, or the algorithm", () => {
  const balancer = sticky("a", "b");
  assert.equal(balancer.explain(from("10.0.0.1")).rule, "the next usable one behind the one picked last");
  go(balancer, "10.0.0.1");
  assert.deepEqual(balancer.explain(from("10.0.0.1")), {
    backend: "b",
    byChance: false,
    rule: "affinity: the backend of this client's last flow, for 10 s after it",
    candidates: [],
  });
  assert.equal(balancer.explain(from("10.0.0.2")).backend, "a");
});
