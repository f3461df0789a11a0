import assert from "node:assert/strict";
import { listed } from "../../../src/balancers/backend-set.ts";
import { NO_BACKEND } from "../../../src/balancers/balancer.ts";
import { isSluiceError } from "../../../src/core/errors.ts";
import { seededRandom } from "../../../src/core/random.ts";
import { createPoolKeeper } from "../../../src/dataplane/emulated/pools.ts";
import type { VirtualServer } from "../../../src/modes/ipvs/tables.ts";
import type { Program } from "../../../src/modes/program.ts";
import { UDP } from "../../../src/net/flow.ts";
import type { Ip4 } from "../../../src/net/ip.ts";
import { suite } from "../../support/suite.ts";
import { flow, ipvs } from "./literals.ts";
import { at, key, numberOf, Pools, server, servers } from "./pool-trial.ts";

const test = suite("pools of a program");

test("servers are added to the head of the list, one by one in the order of the program", () => {
  const pools = new Pools().ipvs(servers(1, 2, 3));
  assert.deepEqual(pools.list(), [3, 2, 1]);
  assert.deepEqual(pools.ipvs(servers(4, 1, 2, 3, 5)).list(), [5, 4, 3, 2, 1]);
});

test("the order of the program moves nobody who is there already", () => {
  assert.deepEqual(
    new Pools()
      .ipvs(servers(1, 2, 3))
      .ipvs(servers(3, 1, 2))
      .list(),
    [3, 2, 1],
  );
});

test("a server that is removed and comes back stands at the head", () => {
  const pools = new Pools().ipvs(servers(1, 2, 3)).ipvs(servers(2, 3));
  assert.deepEqual(pools.list(), [3, 2]);
  assert.deepEqual(pools.ipvs(servers(1, 2, 3)).list(), [1, 3, 2]);
});

test("a server named twice is one, with the slot of the first", () => {
  assert.deepEqual(new Pools().ipvs([...servers(1, 2), server(1)]).list(), [2, 1]);
});

test("weights are edited in place", () => {
  const pools = new Pools().ipvs(servers(1, 2)).ipvs([server(1, 0), server(2, 7)]);
  const { pool, addrs } = pools.views[0]!.pool(key)!;
  assert.deepEqual(pools.list(), [2, 1]);
  assert.deepEqual(
    listed(pool.set).map((slot) => [numberOf(addrs[slot]), pool.set.weight[slot]]),
    [
      [2, 7],
      [1, 0],
    ],
  );
  for (let n = 0; n < 4; n += 1) assert.equal(pools.open().number, 2);
});

test("round robin goes on where it stood when servers come and go", () => {
  const pools = new Pools().ipvs(servers(1, 2, 3));
  assert.deepEqual([pools.open().number, pools.open().number], [3, 2]);
  pools.ipvs(servers(1, 2, 3, 4));
  assert.deepEqual([pools.open().number, pools.open().number], [1, 4]);
  pools.ipvs(servers(1, 2, 3));
  assert.equal(pools.open().number, 3);
});

test("a pool with nobody in it picks nobody and counts nothing", () => {
  const pools = new Pools().ipvs([]);
  assert.equal(pools.open().slot, NO_BACKEND);
  assert.equal(pools.ipvs(servers(1)).open().number, 1);
});

test("TCP opens active; UDP is inactive from the start", () => {
  const pools = new Pools().ipvs(servers(1));
  pools.open();
  assert.deepEqual(pools.counts(1), [1, 0]);
  pools.pool().choose(flow("10.244.1.9", at, UDP), 0, false);
  assert.deepEqual(pools.counts(1), [1, 1]);
});

test("a removed server with connections gets its old counts when it comes back", () => {
  const pools = new Pools().ipvs(servers(1, 2));
  for (let n = 0; n < 6; n += 1) pools.open();
  pools.ipvs(servers(2)).ipvs(servers(1, 2));
  assert.deepEqual(pools.counts(1), [3, 0]);
});

test("the slot of a removed server is not given away while a connection is counted on it", () => {
  const pools = new Pools().ipvs(servers(1));
  const { slot } = pools.open();
  pools.ipvs(servers(2)).ipvs(servers(2, 3, 4));
  assert.equal(
    pools.entry().addrs.findIndex((addr) => addr !== undefined),
    1,
    "slot 0 is kept back",
  );
  pools.pool().wentInactive(slot);
  pools.ipvs(servers(2, 3, 4, 5));
  assert.equal(pools.entry().addrs[slot], undefined, "an inactive connection keeps it as well");
  pools.pool().forgotten(slot);
  pools.ipvs(servers(2, 3, 4, 5, 6));
  assert.equal(numberOf(pools.entry().addrs[slot]), 6);
  assert.deepEqual(pools.counts(6), [0, 0]);
});

test("least connection sees connections end", () => {
  const pools = new Pools().ipvs(servers(1, 2, 3), { scheduler: "lc" });
  const opened = [pools.open(), pools.open(), pools.open()];
  assert.deepEqual(
    opened.map(({ number }) => number),
    [3, 2, 1],
  );
  assert.equal(pools.open().number, 3);
  pools.pool().wentInactive(opened[1]!.slot);
  assert.equal(pools.open().number, 2, "257 × 0 + 1 is less than 257 × 1");
  pools.pool().wentInactive(opened[2]!.slot);
  pools.pool().forgotten(opened[2]!.slot);
  assert.equal(pools.open().number, 1);
});

test("shortest expected delay weighs active connections alone", () => {
  const pools = new Pools().ipvs([server(1, 3), server(2, 1)], { scheduler: "sed" });
  const picks = Array.from({ length: 8 }, () => pools.open().number);
  // (active + 1) / weight: 1/3, 2/3, then 3/3 ties with 1/1 and the newer one, 2, wins; and so on.
  assert.deepEqual(picks, [1, 1, 2, 1, 1, 1, 2, 1]);
});

test("what stays as it is comes as the same entry; a change makes a new one over the same memory", () => {
  const pools = new Pools().ipvs(servers(1, 2));
  const first = pools.entry();
  assert.equal(pools.ipvs(servers(1, 2)).entry(), first);
  assert.equal(pools.ipvs([server(1, 5), server(2)]).entry(), first, "a weight lies in the memory");
  const changed = pools.ipvs(servers(1, 2, 3)).entry();
  assert.notEqual(changed, first);
  assert.equal(changed.generation, first.generation);
  assert.equal(changed.memory, first.memory);
});

test("more servers than slots: new memory, with the same slots, order, place of the cursor and counts", () => {
  const pools = new Pools(2, true).ipvs(servers(1, 2, 3));
  const [first, second] = [pools.open(key, 0), pools.open(key, 1)];
  const before = pools.entry();
  const many = Array.from({ length: 40 }, (_, index) => index + 1);
  pools.ipvs(servers(...many));
  const after = pools.entry();
  assert.ok(after.generation > before.generation);
  assert.ok(after.memory instanceof SharedArrayBuffer && after.layout.capacity >= 40);
  assert.deepEqual(after.addrs.slice(0, 3), before.addrs.slice(0, 3));
  assert.deepEqual(pools.list(), [...many].reverse());
  assert.deepEqual([first.number, second.number], [3, 2]);
  assert.deepEqual(
    [pools.counts(3), pools.counts(2), pools.counts(1)],
    [
      [1, 0],
      [1, 0],
      [0, 0],
    ],
  );
  assert.equal(pools.open().number, 1, "the turn after 3 and 2");
  pools.pool(key, 0).wentInactive(first.slot);
  pools.pool(key, 1).wentInactive(second.slot);
  pools.pool(key, 1).forgotten(second.slot);
  assert.deepEqual(
    [pools.counts(3), pools.counts(2)],
    [
      [0, 1],
      [0, 0],
    ],
  );
});

test("whoever holds a pool sees its memory replaced under it", () => {
  const pools = new Pools().ipvs(servers(1, 2));
  const held = pools.pool();
  const { slot } = pools.open();
  pools.ipvs(servers(1, 2), { scheduler: "lc" });
  assert.equal(pools.pool(), held);
  held.wentInactive(slot);
  held.forgotten(slot);
  assert.deepEqual(
    [pools.counts(1), pools.counts(2)],
    [
      [0, 0],
      [0, 0],
    ],
  );
});

test("another scheduler starts from its own beginning, with the counts and the list that there are", () => {
  const pools = new Pools().ipvs(servers(1, 2, 3));
  for (let n = 0; n < 4; n += 1) pools.open();
  pools.ipvs(servers(1, 2, 3), { scheduler: "lc" });
  assert.deepEqual(pools.list(), [3, 2, 1]);
  assert.deepEqual(
    [pools.counts(3), pools.counts(2), pools.counts(1)],
    [
      [2, 0],
      [1, 0],
      [1, 0],
    ],
  );
  assert.equal(pools.open().number, 2);
});

test("what was prepared and not committed changes nothing, and the next change starts from what is in force", () => {
  const pools = new Pools().ipvs(servers(1, 2));
  pools.keeper.prepare(ipvs({ [at]: servers(3, 4) }));
  assert.deepEqual(pools.list(), [2, 1]);
  pools.ipvs(servers(1, 2, 3));
  assert.deepEqual(pools.list(), [3, 2, 1]);
  pools.keeper.commit();
  assert.deepEqual(pools.list(), [3, 2, 1], "a second commit finds nothing prepared");
});

test("a program that cannot be had leaves what was prepared before undone too", () => {
  const pools = new Pools().ipvs(servers(1));
  pools.keeper.prepare(ipvs({ [at]: servers(2) }));
  assert.throws(
    () => pools.keeper.prepare(ipvs({ [at]: servers(3) }, { scheduler: "nonesuch" })),
    (error) => isSluiceError(error, "BALANCER_INVALID"),
  );
  pools.keeper.commit();
  assert.deepEqual(pools.list(), [1]);
});

test("between prepare and commit the entries name the old and the new endpoints", () => {
  const pools = new Pools().ipvs(servers(1));
  const [entry] = pools.keeper.prepare(ipvs({ [at]: servers(2) }));
  assert.deepEqual(entry!.addrs.map(numberOf), [1, 2]);
});

test("a pool of a program that is gone is gone, and starts anew when it comes back", () => {
  const pools = new Pools().ipvs(servers(1));
  const { generation } = pools.entry();
  const { slot } = pools.open();
  const held = pools.pool();
  pools.apply(ipvs({}));
  assert.equal(pools.views[0]!.pool(key), undefined);
  held.wentInactive(slot);
  pools.ipvs(servers(1));
  assert.ok(pools.entry().generation > generation);
  assert.deepEqual(pools.counts(1), [0, 0]);
});

/** A program whose only virtual server has these flags. */
function flagged(scheduler: string, ...flags: readonly string[]): Program {
  const plain = ipvs({ [at]: servers(1, 2, 3) }, { scheduler });
  assert.ok(plain.mode === "ipvs");
  const tables = plain.tables.map(({ family, virtualServers }) => ({
    family,
    virtualServers: virtualServers.map((one): VirtualServer => Object.assign({}, one, { flags })),
  }));
  return { mode: "ipvs", tables };
}

test("a scheduler's flags are options of the algorithm; a flag that there is not is refused", () => {
  const pools = new Pools().apply(flagged("sh"));
  const picks = (): (number | undefined)[] =>
    [1, 2, 3, 4, 5, 6].map((port) => {
      const client = { ...flow("10.244.1.9", at), srcPort: port * 9000 };
      return numberOf(pools.entry().addrs[pools.pool().choose(client, 0, false)]);
    });
  assert.equal(new Set(picks()).size, 1, "one client, one server");
  pools.apply(flagged("sh", "sh-port"));
  assert.ok(new Set(picks()).size > 1, "with its port it is many");
  assert.throws(
    () => pools.apply(flagged("sh", "sh-ports")),
    (error) => isSluiceError(error, "BALANCER_INVALID") && error.details.path === key,
  );
});

test("servers are known to hashing schedulers by their address, whatever their slot", () => {
  const chosen = (pools: Pools): number[] =>
    Array.from({ length: 200 }, (_, n) => {
      const client = { ...flow("10.244.1.9", at), src: (n * 7919) as Ip4 };
      return numberOf(pools.entry().addrs[pools.pool().choose(client, 0, false)]);
    });
  const plain = chosen(new Pools().ipvs(servers(1, 2, 3), { scheduler: "mh" }));
  const others = new Pools().ipvs(servers(4, 5, 6), { scheduler: "mh" }).ipvs(servers(1, 2, 3), { scheduler: "mh" });
  assert.deepEqual(chosen(others), plain);
});

test("more than 65535 servers in one pool are refused", () => {
  const behind = Array.from({ length: 65_536 }, (_, n) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}:80`);
  const keeper = createPoolKeeper({ threads: 1, shared: false, random: seededRandom(1) });
  assert.throws(() => keeper.prepare(ipvs({ [at]: behind })), /65535/);
  assert.equal(keeper.prepare(ipvs({ [at]: behind.slice(1) }))[0]!.layout.capacity, 65_535);
});
