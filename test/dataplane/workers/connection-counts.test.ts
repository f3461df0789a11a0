import assert from "node:assert/strict";
import { manualClock } from "../../../src/core/clock.ts";
import { seededRandom } from "../../../src/core/random.ts";
import { type BackendPool, viewPool } from "../../../src/dataplane/emulated/backend-pool.ts";
import { createPoolKeeper } from "../../../src/dataplane/emulated/pools.ts";
import { type ConnectionCounts, createConnectionCounts } from "../../../src/dataplane/workers/connection-counts.ts";
import type { FlowChange } from "../../../src/dataplane/workers/engine.ts";
import { createLinger } from "../../../src/dataplane/workers/linger.ts";
import { type Flow, type Protocol, TCP, UDP } from "../../../src/net/flow.ts";
import { parseIp } from "../../../src/net/ip.ts";
import { suite } from "../../support/suite.ts";
import { compiled } from "./services.ts";

const test = suite("connection counts");

interface Scene {
  readonly counts: ConnectionCounts;
  readonly pool: BackendPool;
  /** What was given over to linger: milliseconds. */
  readonly lingering: number[];
  /** Opens a flow in an engine's slot. */
  open(slot: number, lingers: boolean, proto?: Protocol): void;
  change(slot: number, ...became: FlowChange["became"][]): void;
  /** Active and inactive connections. */
  totals(): [number, number];
}

function scene(): Scene {
  const lingering: number[] = [];
  const counts = createConnectionCounts({ add: (_pool, _slot, timeoutMs) => void lingering.push(timeoutMs) });
  const pool = poolOfOne();
  return {
    counts,
    pool,
    lingering,
    open(slot, lingers, proto = TCP) {
      const flow: Flow = { proto, src: parseIp("10.0.0.1"), srcPort: 1024, dst: parseIp("10.96.0.1"), dstPort: 80 };
      counts.opened(slot, { pool, slot: pool.choose(flow, 0, false) }, lingers);
    },
    change(slot, ...became) {
      for (const one of became) counts.changed({ slot, became: one });
    },
    totals: () => [pool.set.active[0]!, pool.set.inactive[0]!],
  };
}

function poolOfOne(): BackendPool {
  const keeper = createPoolKeeper({ threads: 1, shared: false, random: seededRandom(1) });
  const [program] = compiled("ipvs", [{ endpoints: [{ ip: parseIp("10.244.1.1"), port: 8080 }] }]);
  const [entry] = keeper.prepare(program);
  keeper.commit();
  return viewPool(entry!.memory, entry!.layout, 0, seededRandom(1));
}

test("IPVS: a connection is inactive from its first end on, and stays 120 s after the last", () => {
  const { open, change, totals, lingering } = scene();
  open(3, true);
  assert.deepEqual(totals(), [1, 0]);
  change(3, "closing");
  assert.deepEqual(totals(), [0, 1]);
  change(3, "closed");
  assert.deepEqual([totals(), lingering], [[0, 1], [120_000]]);
});

test("IPVS: a connection that was reset or refused stays 10 s", () => {
  const { open, change, totals, lingering } = scene();
  open(0, true);
  open(1, true);
  change(0, "reset");
  change(1, "closing", "reset");
  assert.deepEqual(
    [totals(), lingering],
    [
      [0, 2],
      [10_000, 10_000],
    ],
  );
});

test("a UDP flow is inactive while it lives, and forgotten at its end", () => {
  const { open, change, totals, lingering } = scene();
  open(0, true, UDP);
  assert.deepEqual(totals(), [0, 1]);
  change(0, "expired");
  assert.deepEqual([totals(), lingering], [[0, 0], []]);
});

test("other modes forget a connection at its end", () => {
  const { open, change, totals, lingering } = scene();
  open(0, false);
  change(0, "closing");
  assert.deepEqual(totals(), [0, 1]);
  change(0, "closed");
  assert.deepEqual([totals(), lingering], [[0, 0], []]);
});

test("flows that are not counted change nothing, and a slot is counted anew after its flow", () => {
  const { open, change, totals } = scene();
  change(0, "closing", "closed");
  open(0, false);
  change(0, "reset", "reset", "closing");
  assert.deepEqual(totals(), [0, 0]);
  open(0, false);
  assert.deepEqual(totals(), [1, 0]);
});

test("what lingers is forgotten when its time is over, and not before", async () => {
  const clock = manualClock();
  const linger = createLinger(clock);
  const forgotten: number[] = [];
  const pool = { forgotten: (slot: number) => void forgotten.push(slot) } as BackendPool;
  linger.add(pool, 1, 10);
  linger.add(pool, 2, 10);
  linger.add(pool, 9, 3_600_000);
  clock.advance(6);
  linger.add(pool, 3, 10);
  clock.advance(5);
  // The timer runs on the host's time, and asks the manual clock what is over.
  while (forgotten.length < 2) await new Promise((resolve) => setTimeout(resolve, 2));
  assert.deepEqual(forgotten, [1, 2]);
  clock.advance(5);
  while (forgotten.length < 3) await new Promise((resolve) => setTimeout(resolve, 2));
  assert.deepEqual(forgotten, [1, 2, 3]);
});
