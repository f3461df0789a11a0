import assert from "node:assert/strict";
import { seededRandom } from "../../src/core/random.ts";
import { formatTick } from "../../src/report/format.ts";
import { logTicks } from "../../src/report/html/log-ticks.ts";
import { suite } from "../support/suite.ts";

const test = suite("ticks of logarithmic axes");

test("powers of ten where there are enough, parts of them where there are not, even steps where ends are close", () => {
  assert.deepEqual(logTicks(8, 20_000), [10, 100, 1000, 10_000]);
  assert.deepEqual(logTicks(0.04, 0.3), [0.05, 0.1, 0.2]);
  assert.deepEqual(logTicks(64, 260), [70, 100, 150, 200]);
  assert.deepEqual(logTicks(0.245, 0.298), [0.25, 0.26, 0.27, 0.28, 0.29]);
  assert.deepEqual(logTicks(7, 7), [7]);
});

test("every axis has at least three and at most thirteen ticks, all of them different as text", () => {
  const random = seededRandom(11);
  for (let at = 0; at < 5000; at += 1) {
    const low = 10 ** (-2 + (random.below(7000) + 1) / 1000);
    const high = low * 10 ** ((random.below(6000) + 20) / 1000);
    const ticks = logTicks(low, high);
    const text = `${low} … ${high}: ${ticks.join(", ")}`;
    assert.ok(ticks.length >= 3 && ticks.length <= 13, text);
    assert.ok(
      ticks.every((tick, place) => tick >= low && tick <= high && (place === 0 || tick > ticks[place - 1]!)),
      text,
    );
    assert.equal(new Set(ticks.map(formatTick)).size, ticks.length, `${text} as ${ticks.map(formatTick).join(", ")}`);
  }
});

test("numbers at an axis have no more letters than they need", () => {
  assert.deepEqual([0, 0.25, 7, 950, 1000, 1500, 32_500, 1e6, 2.5e6].map(formatTick), [
    "0",
    "0.25",
    "7",
    "950",
    "1k",
    "1.5k",
    "32.5k",
    "1M",
    "2.5M",
  ]);
});
