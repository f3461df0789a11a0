import assert from "node:assert/strict";
import { createRecentLists } from "../../../src/dataplane/emulated/recent-lists.ts";
import { type Ip, parseIp } from "../../../src/net/ip.ts";
import { suite } from "../../support/suite.ts";

const test = suite("lists of -m recent");

const client = parseIp("10.244.1.9");
const nth = (n: number): Ip => parseIp(`10.0.${n >> 8}.${n & 255}`);

test("a source is seen for as many seconds as are asked for, the last moment included", () => {
  const lists = createRecentLists();
  lists.remember("A", client, 1000, 10);
  assert.equal(lists.seen("A", client, 1000, 0), true);
  assert.equal(lists.seen("A", client, 11_000, 10), true);
  assert.equal(lists.seen("A", client, 11_001, 10), false);
  assert.equal(lists.seen("A", client, 11_001, 11), true, "nothing was taken out by asking");
});

test("each list is its own, and families do not mix", () => {
  const lists = createRecentLists();
  lists.remember("A", client, 0, 10);
  assert.equal(lists.seen("B", client, 0, 10), false);
  assert.equal(lists.seen("A", parseIp("::10.244.1.9"), 0, 10), false);
  lists.remember("A", parseIp("fd00::9"), 0, 10);
  assert.equal(lists.seen("A", parseIp("fd00::9"), 0, 10), true);
  assert.equal(lists.seen("A", parseIp("fd00::8"), 0, 10), false);
});

test("a list keeps 100 addresses; of more, the one seen longest ago goes", () => {
  const lists = createRecentLists();
  for (let n = 0; n < 100; n += 1) lists.remember("A", nth(n), n, 1000);
  const forgotten = (): number[] =>
    Array.from({ length: 100 }, (_, n) => n).filter((n) => !lists.seen("A", nth(n), 200, 1000));
  // Seen again, number 50 takes nobody's place, and number 0 is not the first to go any more.
  lists.remember("A", nth(50), 100, 1000);
  lists.remember("A", nth(0), 101, 1000);
  assert.deepEqual(forgotten(), []);
  lists.remember("A", nth(100), 102, 1000);
  assert.deepEqual(forgotten(), [1]);
});

test("lists that no rule names any more are dropped, the others stay", () => {
  const lists = createRecentLists();
  for (const list of ["A", "B"]) lists.remember(list, client, 0, 10);
  lists.retain(new Set(["B", "C"]));
  assert.deepEqual(
    ["A", "B", "C"].map((list) => lists.seen(list, client, 0, 10)),
    [false, true, false],
  );
});

test("a fork starts as the lists are, and neither sees what the other remembers", () => {
  const lists = createRecentLists();
  lists.remember("A", nth(1), 0, 10);
  const fork = lists.fork();
  fork.remember("A", nth(2), 0, 10);
  lists.remember("A", nth(3), 0, 10);
  assert.deepEqual(
    [1, 2, 3].map((n) => [lists.seen("A", nth(n), 0, 10), fork.seen("A", nth(n), 0, 10)]),
    [
      [true, true],
      [false, true],
      [true, false],
    ],
  );
});
