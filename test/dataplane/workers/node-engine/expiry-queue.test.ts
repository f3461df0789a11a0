import assert from "node:assert/strict";
import * as fc from "fast-check";
import { manualClock } from "../../../../src/core/clock.ts";
import {
  createExpiryEntry,
  createExpiryQueues,
  type ExpiryEntry,
} from "../../../../src/dataplane/workers/node-engine/expiry-queue.ts";
import { runs, seed } from "../../../support/seed.ts";
import { suite } from "../../../support/suite.ts";

const test = suite("expiry queue");

test("the oldest entry is the one touched longest ago, whatever was touched and removed", () => {
  const steps = fc.array(
    fc.record({
      what: fc.constantFrom("touch", "remove"),
      entry: fc.nat(7),
      timeoutMs: fc.constantFrom(1_000_000, 2_000_000),
    }),
  );
  const prop = fc.property(steps, (all) => {
    const clock = manualClock();
    const queues = createExpiryQueues(clock);
    const entries = Array.from({ length: 8 }, () => createExpiryEntry(() => {}));
    let order: ExpiryEntry[] = [];
    for (const { what, entry: index, timeoutMs } of all) {
      clock.advance(1);
      const entry = entries[index]!;
      order = order.filter((one) => one !== entry);
      if (what === "touch") {
        queues.of(timeoutMs).touch(entry);
        order.push(entry);
      } else entry.queue?.remove(entry);
      assert.equal(queues.oldest(), order[0]);
    }
    queues.stop();
  });
  fc.assert(prop, { seed, numRuns: runs(1000, 100) });
});

test("entries expire in the order in which they were touched, and not before their time", async () => {
  const clock = manualClock();
  const queues = createExpiryQueues(clock);
  const expired: string[] = [];
  const queue = queues.of(20);
  const entryOf = (name: string): ExpiryEntry => createExpiryEntry(() => expired.push(name));
  const [a, b, c] = [entryOf("a"), entryOf("b"), entryOf("c")];
  queue.touch(a);
  queue.touch(b);
  clock.advance(15);
  queue.touch(c);
  queue.touch(a);
  clock.advance(5);
  // The timer runs on the host's time, and asks the manual clock what is over.
  while (expired.length < 1) await new Promise((resolve) => setTimeout(resolve, 2));
  assert.deepEqual(expired, ["b"]);
  clock.advance(15);
  while (expired.length < 3) await new Promise((resolve) => setTimeout(resolve, 2));
  assert.deepEqual(expired, ["b", "c", "a"]);
  assert.equal(queues.oldest(), undefined);
  queues.stop();
});
