/** A table that is made in several transactions: each is taken by itself, and only the last brings it into force. */
import assert from "node:assert/strict";
import * as fc from "fast-check";
import { changes, fullTransaction } from "../../../src/modes/nftables/changes.ts";
import { isServiceChain } from "../../../src/modes/nftables/names.ts";
import { inParts } from "../../../src/modes/nftables/parts.ts";
import type { Table } from "../../../src/modes/nftables/ruleset.ts";
import { runs, seed } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";
import { anyCompiled } from "./any-ruleset.ts";
import { comparable, perform } from "./interpreter.ts";

const test = suite("transactions of nftables in parts", { timeoutMs: 60_000 });

test("the parts, one after the other, make the table; before the last one nothing leads to a service", () => {
  let cut = 0;
  const property = fc.property(anyCompiled, fc.integer({ min: 1, max: 3 }), ({ tables: [table] }, atOnce) => {
    for (const making of [changes(undefined, table!), fullTransaction(table!)]) {
      const parts = inParts(making, atOnce);
      let kernel: Table | undefined;
      for (const part of parts) {
        if (part === parts.at(-1)) continue;
        kernel = perform(kernel, part);
        for (const { name, rules } of kernel!.chains) assert.ok(isServiceChain(name) || rules.length === 0, name);
        for (const { elements } of kernel!.sets) assert.deepEqual(elements, []);
      }
      assert.deepEqual(comparable(perform(kernel, parts.at(-1)!)), comparable(table!));
      if (parts.length > 1) cut += 1;
    }
  });
  fc.assert(property, { seed, numRuns: runs(2000, 300) });
  assert.ok(cut > 0, `${cut} were cut`);
});

test("a change of a table that is there is one transaction", () => {
  const property = fc.property(anyCompiled, anyCompiled, (before, after) => {
    const change = changes(before.tables[0], after.tables[0]!);
    assert.deepEqual(inParts(change, 1), [change]);
  });
  fc.assert(property, { seed, numRuns: runs(500, 100) });
});
