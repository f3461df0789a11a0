import assert from "node:assert/strict";
import * as fc from "fast-check";
import {
  type AffinityTable,
  affinityTableBytes,
  NO_ENTRY,
  viewAffinityTable,
} from "../../src/balancers/affinity-table.ts";
import { seededRandom } from "../../src/core/random.ts";
import { formatIp, type Ip, type Ip4, parseIp } from "../../src/net/ip.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const test = suite("affinity table");

const emptyTable = (entries: number): AffinityTable =>
  viewAffinityTable(new ArrayBuffer(affinityTableBytes(entries)), 0, entries);
const client = parseIp("192.0.2.7");

test("remembers a client for as long as it was told, and not a moment longer", () => {
  const table = emptyTable(8);
  assert.equal(table.find(client, 0, 0), NO_ENTRY);
  table.put(client, 0, 5, 1000, 200);
  assert.deepEqual(
    [1000, 1199.9, 1200, 5000].map((nowMs) => table.find(client, 0, nowMs)),
    [5, 5, NO_ENTRY, NO_ENTRY],
  );
});

test("a look leaves the time as it is, a new choice starts it again", () => {
  const table = emptyTable(8);
  table.put(client, 0, 5, 0, 100);
  table.find(client, 0, 90);
  assert.equal(table.find(client, 0, 100), NO_ENTRY);
  table.put(client, 0, 6, 100, 100);
  table.put(client, 0, 7, 150, 100);
  assert.deepEqual([table.find(client, 0, 249), table.find(client, 0, 250)], [7, NO_ENTRY]);
});

test("tells apart every bit of an address, and tags, among entries of one group", () => {
  const bits = Array.from({ length: 32 }, (_, bit) => (1 << bit) >>> 0);
  const v6 = { w0: 0xffffffff, w1: 0x80000000, w2: 0, w3: 1 };
  const others: readonly (readonly [Ip, Ip, number])[] = [
    ...bits.map((bit) => [client, (((client as Ip4) ^ bit) >>> 0) as Ip4, 0] as const),
    ...(["w0", "w1", "w2", "w3"] as const).flatMap((word) =>
      bits.map((bit) => [v6, { ...v6, [word]: (v6[word] ^ bit) >>> 0 }, 0] as const),
    ),
    ...[1, -1, 2 ** 31 - 1, -(2 ** 31)].flatMap((tag) => [[client, client, tag] as const, [v6, v6, tag] as const]),
  ];
  for (const [one, other, tag] of others) {
    const table = emptyTable(8);
    table.put(one, 0, 1, 0, 1);
    assert.equal(table.find(other, tag, 0), NO_ENTRY);
    table.put(other, tag, 2, 0, 1);
    assert.deepEqual([table.find(one, 0, 0), table.find(other, tag, 0)], [1, 2]);
  }
});

test("forgets by value and by tag", () => {
  const table = emptyTable(8);
  const put = (): void => {
    table.put(client, 1, 5, 0, 100);
    table.put(client, 2, 5, 0, 100);
    table.put(client, 3, 0, 0, 100);
  };
  const found = (): number[] => [1, 2, 3].map((tag) => table.find(client, tag, 50));
  put();
  assert.deepEqual(found(), [5, 5, 0]);
  table.forget({ value: 5 });
  assert.deepEqual(found(), [NO_ENTRY, NO_ENTRY, 0]);
  put();
  table.forget({ tag: 2 });
  assert.deepEqual(found(), [5, NO_ENTRY, 0]);
});

test("is one table for all that lie over its memory, and touches nothing around it", () => {
  const bytes = affinityTableBytes(16);
  const memory = new SharedArrayBuffer(bytes + 16);
  const [mine, theirs] = [viewAffinityTable(memory, 8, 16), viewAffinityTable(memory, 8, 16)];
  for (let n = 0; n < 100; n += 1) mine.put(n as Ip4, n, n, n, 1000);
  assert.equal(theirs.find(99 as Ip4, 99, 99), 99);
  theirs.forget({ value: 99 });
  assert.equal(mine.find(99 as Ip4, 99, 99), NO_ENTRY);
  const words = new Int32Array(memory);
  assert.deepEqual([words[0], words[1], words.at(-2), words.at(-1)], [0, 0, 0, 0]);
});

/** Entries that share one group of places. */
const WAYS = 8;
const KEYS = 120;
const ENTRIES = 32;
const keyOf = (n: number): readonly [Ip, number] => [
  (n % 2 === 0 ? (n * 0x01010101) >>> 0 : { w0: 0xfd000000 + n, w1: n, w2: 0, w3: 0xffffffff - n }) as Ip,
  n % 3,
];

/**
 * Which group each key belongs to, found out from outside: put a key, then others until it is gone; the last of them
 * pushed it out, so both share a group. Repeated in many orders, this joins all keys of a group.
 */
function learnGroups(): number[] {
  const group = Array.from({ length: KEYS }, (_, n) => n);
  const join = (a: number, b: number): void => {
    const [from, to] = [group[a]!, group[b]!];
    for (let n = 0; n < KEYS; n += 1) if (group[n] === from) group[n] = to;
  };
  const random = seededRandom(1);
  for (let n = 0; n < KEYS; n += 1) {
    for (let round = 0; round < 12; round += 1) {
      const table = emptyTable(ENTRIES);
      table.put(...keyOf(n), 1, 0, Infinity);
      for (let t = 1; t <= 400; t += 1) {
        const other = random.below(KEYS);
        if (other === n) continue;
        table.put(...keyOf(other), 1, t, Infinity);
        if (table.find(...keyOf(n), t) !== NO_ENTRY) continue;
        join(n, other);
        break;
      }
    }
  }
  return group;
}

type Step =
  | { readonly op: "put"; readonly key: number; readonly value: number; readonly ttlMs: number }
  | { readonly op: "wait"; readonly ms: number }
  | { readonly op: "forget"; readonly value: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        op: fc.constant("put" as const),
        key: fc.nat(KEYS - 1),
        value: fc.nat(5),
        ttlMs: fc.constantFrom(20, 200, Infinity),
      }),
    },
    { weight: 1, arbitrary: fc.record({ op: fc.constant("wait" as const), ms: fc.nat(100) }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constant("forget" as const), value: fc.nat(5) }) },
  ),
  { maxLength: 300, size: "max" },
);

interface Entry {
  readonly value: number;
  readonly putMs: number;
  readonly untilMs: number;
}

/** Forgets the oldest live entry of the key's own group when that is full. */
function modelPut(model: Map<number, Entry>, groups: readonly number[], key: number, entry: Entry): void {
  for (const [other, { untilMs }] of model) if (untilMs <= entry.putMs) model.delete(other);
  const mates = [...model].filter(([other]) => groups[other] === groups[key]);
  if (!model.has(key) && mates.length === WAYS) {
    const [oldest] = mates.reduce((a, b) => (a[1].putMs < b[1].putMs ? a : b));
    model.delete(oldest);
  }
  model.set(key, entry);
}

test("is a map whose groups of eight give up their oldest, and nothing else, on any trace", () => {
  const groups = learnGroups();
  assert.equal(new Set(groups).size, ENTRIES / WAYS);
  fc.assert(
    fc.property(steps, (steps) => {
      const table = emptyTable(ENTRIES);
      const model = new Map<number, Entry>();
      let nowMs = 0;
      for (const step of steps) {
        nowMs += 1;
        if (step.op === "wait") nowMs += step.ms;
        else if (step.op === "forget") {
          table.forget({ value: step.value });
          for (const [key, { value }] of model) if (value === step.value) model.delete(key);
        } else {
          const { key, value, ttlMs } = step;
          table.put(...keyOf(key), value, nowMs, ttlMs);
          modelPut(model, groups, key, { value, putMs: nowMs, untilMs: nowMs + ttlMs });
        }
      }
      for (let key = 0; key < KEYS; key += 1) {
        const entry = model.get(key);
        const expected = entry !== undefined && entry.untilMs > nowMs ? entry.value : NO_ENTRY;
        assert.equal(table.find(...keyOf(key), nowMs), expected, `key ${key}`);
      }
    }),
    { seed, numRuns: runs(2000, 300) },
  );
});

test("spreads clients: 1024 in a row find room in a table of 2048", () => {
  const table = emptyTable(2048);
  for (let n = 0; n < 1024; n += 1) table.put((0x0a000000 + n) as Ip4, 0, n, n, Infinity);
  let kept = 0;
  for (let n = 0; n < 1024; n += 1) if (table.find((0x0a000000 + n) as Ip4, 0, 1024) === n) kept += 1;
  // 256 groups of 8, each with Poisson(4) clients: on average E[max(0, X − 8)] = 0.034 too many, 9 of 1024 in all.
  assert.ok(kept >= 1000, `${kept} kept`);
});

test("lists all that it remembers at a time: whom, under which tag, what, since when and until when", () => {
  const table = emptyTable(16);
  const mapped = parseIp("::ffff:10.0.0.1");
  const v6 = parseIp("fd00::ff:ffff:ffff");
  table.put(client, -3, 0, 10, 5);
  table.put(mapped, 0, 2, 11, 100);
  table.put(v6, 7, 3, 12.5, 100);
  const rows = (nowMs: number): unknown[] =>
    table
      .entries(nowMs)
      .sort((a, b) => a.sinceMs - b.sinceMs)
      .map(({ client, tag, value, sinceMs, untilMs }) => [formatIp(client), tag, value, sinceMs, untilMs]);
  const later = [
    // What is IPv4 in IPv6's words is listed as IPv4: the table does not tell them apart.
    ["10.0.0.1", 0, 2, 11, 111],
    ["fd00::ff:ffff:ffff", 7, 3, 12.5, 112.5],
  ];
  assert.deepEqual(rows(14), [["192.0.2.7", -3, 0, 10, 15], ...later]);
  assert.deepEqual(rows(15), later);
  assert.deepEqual(rows(200), []);
});
