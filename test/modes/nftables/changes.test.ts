/** Before and the changes make after: on random pairs, in an interpreter of transactions that refuses what the kernel does. */
import assert from "node:assert/strict";
import * as fc from "fast-check";
import { changes, fullTransaction } from "../../../src/modes/nftables/changes.ts";
import { isServiceChain } from "../../../src/modes/nftables/names.ts";
import { renderTransaction } from "../../../src/modes/nftables/render-commands.ts";
import type { Chain, Table } from "../../../src/modes/nftables/ruleset.ts";
import { planSync, type SyncState } from "../../../src/modes/nftables/sync.ts";
import { endpoint, node, service, slice } from "../../support/objects.ts";
import { runs, seed } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";
import { compileNftables } from "../../../src/modes/nftables/compile.ts";
import { resolveNftablesOptions } from "../../../src/modes/nftables/options.ts";
import { seen } from "../../model/seen.ts";
import { anyCompiled, anyTable } from "./any-ruleset.ts";
import { comparable, perform } from "./interpreter.ts";

const test = suite("changes of nftables rulesets", { timeoutMs: 120_000 });

/** What stays of unwanted chains until a later sync. */
function withEmptied(after: Table, before: Table): Table {
  const names = new Set(after.chains.map(({ name }) => name));
  const stale = before.chains.filter(({ name }) => isServiceChain(name) && !names.has(name));
  const emptied = stale.map(({ name }): Chain => ({ name, rules: [] }));
  return { ...after, chains: [...after.chains, ...emptied] };
}

/** Both kinds of table, as pairs. */
const anyPair: fc.Arbitrary<readonly [Table, Table]> = fc.oneof(
  fc.tuple(anyTable, anyTable),
  fc.tuple(anyCompiled, anyCompiled, fc.nat(1)).map(([a, b, i]): [Table, Table] => [a.tables[i]!, b.tables[i]!]),
);

test("before and the changes make after, and what is unwanted is empty", () => {
  let commands = 0;
  const property = fc.property(anyPair, ([before, after]) => {
    const transaction = changes(before, after);
    commands += transaction.commands.length;
    assert.deepEqual(comparable(perform(before, transaction)), comparable(withEmptied(after, before)));
  });
  fc.assert(property, { seed, numRuns: runs(5000, 500) });
  assert.ok(commands > 1000, `${commands} commands`);
});

test("a whole table comes out of nothing, and of whatever was there", () => {
  const property = fc.property(anyPair, ([before, after]) => {
    for (const there of [undefined, before, after]) {
      assert.deepEqual(comparable(perform(there, fullTransaction(after))), comparable(after));
    }
    assert.deepEqual(comparable(perform(undefined, changes(undefined, after))), comparable(after));
  });
  fc.assert(property, { seed, numRuns: runs(2000, 200) });
});

test("no change, no command", () => {
  const property = fc.property(anyPair, ([table]) => {
    const { sets, chains } = table;
    const shuffled = { ...table, sets: sets.toReversed(), chains: chains.toReversed() };
    assert.deepEqual(changes(table, structuredClone(shuffled)).commands, []);
    assert.equal(renderTransaction(changes(table, table)), "");
  });
  fc.assert(property, { seed, numRuns: runs(2000, 200) });
});

test("syncs one after the other leave what is wanted, and no chain waits for ever", () => {
  const anyStep = fc.tuple(anyCompiled, fc.constantFrom(0, 300, 1000, 1001, 5000));
  const property = fc.property(fc.array(anyStep, { minLength: 1, maxLength: 6 }), (steps) => {
    let state: SyncState | undefined;
    let kernel: Table | undefined;
    let nowMs = 0;
    const sync = (wanted: Table): void => {
      const plan = planSync(state, wanted, nowMs);
      for (const { kind, name } of (plan.cleanup?.commands ?? []) as readonly { kind: string; name: string }[]) {
        assert.equal(kind, "delete-chain");
        assert.ok(nowMs - state!.emptiedAtMs.get(name)! > 1000, `${name} at ${nowMs}`);
      }
      if (plan.cleanup !== undefined) kernel = perform(kernel, plan.cleanup);
      kernel = perform(kernel, plan.main);
      ({ state } = plan);
      assert.deepEqual(comparable(kernel), comparable(state.table));
    };
    for (const [ruleset, waitMs] of steps) {
      nowMs += waitMs;
      sync(ruleset.tables[0]!);
    }
    nowMs += 1001;
    const [wanted] = steps.at(-1)![0].tables;
    sync(wanted!);
    assert.deepEqual(comparable(kernel!), comparable(wanted!));
    assert.deepEqual(planSync(state, wanted!, nowMs + 10_000).cleanup, undefined);
  });
  fc.assert(property, { seed, numRuns: runs(2000, 200) });
});

const endpoints = (...ips: readonly string[]) =>
  slice({ endpoints: ips.map((ip) => endpoint(ip, { nodeName: "node-a" })) });
const tableOf = (...objects: Parameters<typeof seen>[0]): Table =>
  compileNftables(seen([node(), ...objects]), resolveNftablesOptions()).tables[0]!;

/** Each as kube-proxy's own tests count them. */
test("the transaction is as large as the change, however large the cluster", () => {
  const others = Array.from({ length: 200 }, (_, i) => [
    service({ name: `other-${i}`, clusterIP: `10.97.0.${i}` }),
    slice({ service: `other-${i}`, endpoints: [`10.245.0.${i}`] }),
  ]).flat();
  const lines = (before: Table, after: Table): readonly string[] =>
    changes(before, after).commands.map((command) => command.kind);
  const none = tableOf(...others);
  const one = tableOf(...others, service(), endpoints("10.244.1.10"));
  assert.deepEqual(lines(none, one), ["add-chain", "add-element", "add-element", "add-element", "add-rule"]);
  assert.deepEqual(lines(one, none), ["flush-chain", "delete-element", "delete-element", "delete-element"]);
  const moved = tableOf(...others, service(), endpoints("10.244.1.11"));
  assert.deepEqual(lines(one, moved), ["flush-chain", "delete-element", "add-element", "add-rule"]);
  const two = tableOf(...others, service(), endpoints("10.244.1.10", "10.244.1.11"));
  assert.deepEqual(lines(one, two), ["flush-chain", "add-element", "add-rule"]);
  const emptied = tableOf(...others, service(), endpoints());
  assert.deepEqual(lines(one, emptied), ["flush-chain", "delete-element", "delete-element", "add-element"]);
});

test("a chain that is wanted again is not deleted, and one that was deleted is made anew", () => {
  const wanted = tableOf(service(), endpoints("10.244.1.10"));
  const none = tableOf();
  const start = planSync(undefined, wanted, 0).state;
  const emptied = planSync(start, none, 100).state;
  assert.deepEqual([...emptied.emptiedAtMs.values()], [100]);
  const back = planSync(emptied, wanted, 2000);
  // It had been empty for long enough, so it went first.
  assert.deepEqual(
    back.cleanup?.commands.map(({ kind }) => kind),
    ["delete-chain"],
  );
  assert.ok(back.main.commands.some(({ kind }) => kind === "add-chain"));
  const soon = planSync(emptied, wanted, 1100);
  assert.equal(soon.cleanup, undefined);
  assert.ok(!soon.main.commands.some(({ kind }) => kind === "add-chain"));
  assert.equal(soon.state.emptiedAtMs.size, 0);
  // A sync in between does not make it wait longer.
  const later = planSync(planSync(emptied, none, 600).state, none, 1101);
  assert.equal(later.cleanup?.commands.length, 1);
});
