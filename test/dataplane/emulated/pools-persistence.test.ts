import assert from "node:assert/strict";
import { suite } from "../../support/suite.ts";
import { flow } from "./literals.ts";
import { at, numberOf, Pools, server, servers } from "./pool-trial.ts";

const test = suite("pools of a program: persistence");

test("persistence outlives new memory, and a change of its time holds from the next connection on", () => {
  const pools = new Pools().ipvs(servers(1, 2, 3), { persistenceSeconds: 100 });
  const client = flow("10.244.1.9", at);
  const slot = pools.pool().choose(client, 0, false);
  pools.ipvs(servers(...Array.from({ length: 30 }, (_, index) => index + 1)), { persistenceSeconds: 50 });
  assert.equal(pools.pool().choose(client, 99_000, false), slot);
  assert.equal(pools.pool().choose(client, 148_000, false), slot);
  assert.notEqual(pools.pool().choose(client, 198_001, false), slot);
});

test("a client whose server is removed is sent elsewhere, also when the server comes back", () => {
  const pools = new Pools().ipvs(servers(1, 2, 3), { persistenceSeconds: 100 });
  assert.deepEqual([pools.open().number, pools.open().number], [3, 3]);
  pools.ipvs(servers(1, 2), { persistenceSeconds: 100 });
  assert.deepEqual([pools.open().number, pools.open().number], [2, 2]);
  pools.ipvs(servers(1, 2, 3), { persistenceSeconds: 100 });
  assert.equal(pools.open().number, 2);
});

test("whoever gets the slot of a removed server does not get its clients", () => {
  const persistent = { persistenceSeconds: 100 };
  const pools = new Pools().ipvs(servers(1, 2, 3), persistent);
  const { slot, number } = pools.open();
  assert.equal(number, 3);
  pools.pool().wentInactive(slot);
  pools.pool().forgotten(slot);
  pools.ipvs(servers(1, 2), persistent).ipvs(servers(1, 2, 4), persistent);
  assert.equal(numberOf(pools.entry().addrs[slot]), 4);
  assert.equal(pools.pool().choose(flow("10.244.1.8", at), 0, false), slot, "the turn of the newest one");
  assert.equal(pools.open().number, 2, "the first client takes the next turn");
});

test("a client whose server drains is sent elsewhere, as with kube-proxy's expire_quiescent_template", () => {
  const pools = new Pools().ipvs(servers(1, 2), { persistenceSeconds: 100 });
  assert.equal(pools.open().number, 2);
  pools.ipvs([server(1), server(2, 0)], { persistenceSeconds: 100 });
  assert.equal(pools.open().number, 1);
});
