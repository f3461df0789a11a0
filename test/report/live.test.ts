import assert from "node:assert/strict";
import { type LiveState, liveLines, sparkLine } from "../../src/report/live.ts";
import { suite } from "../support/suite.ts";

const test = suite("live table");
const cell = (subject: string, rates: readonly number[]) =>
  ({ subject, work: "tcp-bulk", unit: "B/s", rates }) as const;
const state: LiveState = {
  done: 3,
  total: 6,
  secondsLeft: 12,
  cells: [cell("direct", [8e6, 16e6, 12e6]), cell("ipvs-rr", [])],
};

test("a bar with the time left, then each subject's median rate and its last rates", () => {
  assert.deepEqual(liveLines(state, 80, 24), [
    `${"█".repeat(15)}${"░".repeat(15)} 3/6 slices, 12 s left`,
    "         tcp-bulk",
    "direct   12.0 MB/s ▅█▇",
    "ipvs-rr",
  ]);
});

test("before there are figures it says why there are none", () => {
  const cold = { ...state, cells: [cell("direct", []), cell("ipvs-rr", [])] };
  assert.match(liveLines(cold, 80, 24)[0]!, / 3\/6 slices, 12 s left, warming up$/);
});

/** Four works of seven subjects, after so many blocks. */
function quick(blocks: number): LiveState {
  const subjects = ["direct", "direct-again", "userspace", "iptables", "ipvs-rr", "ipvs-lc", "ipvs-sed"];
  const works = ["tcp-connect-request-close", "tcp-request-response", "tcp-bulk", "udp-request-response"];
  const cells = subjects.flatMap((subject, at) =>
    works.map((work) => {
      const unit = work === "tcp-bulk" ? ("B/s" as const) : ("1/s" as const);
      const rates = Array.from({ length: blocks }, (_, block) => (unit === "B/s" ? 1e9 : 9e3) * (1 + at + block / 9));
      return { subject, work, unit, rates };
    }),
  );
  return { done: 30 + 28 * blocks, total: 400, secondsLeft: 50, cells };
}

test("on eighty columns four works have all their names and figures, and nothing is cut off", () => {
  const lines = liveLines(quick(9), 80, 24);
  assert.ok(lines.every((line) => line.length <= 79));
  assert.deepEqual(lines.slice(1, 4), [
    "              tcp-connect-   tcp-request-                    udp-request-",
    "              request-close  response       tcp-bulk         response",
    "direct        13,000/s ▇███  13,000/s ▇███  1,444 MB/s ▇███  13,000/s ▇███",
  ]);
});

test("blocks that come move nothing but figures and bars; a wide terminal has names on one line and longer bars", () => {
  const [, , head] = liveLines(quick(5), 80, 24);
  assert.deepEqual(liveLines(quick(9), 80, 24)[2], head);
  const wide = liveLines(quick(9), 200, 24);
  assert.match(wide[1]!, /tcp-connect-request-close +tcp-request-response +tcp-bulk +udp-request-response$/);
  assert.match(wide[2]!, /^direct +13,000\/s \S{9} /);
});

test("works for which there is no room even so are counted; a table that is higher is left out", () => {
  const narrow = liveLines(quick(9), 40, 24);
  assert.match(narrow[1]!, /^ +tcp-connect-$/);
  assert.equal(narrow.at(-1), "… and 3 works more on a wider terminal");
  assert.ok(liveLines(state, 20, 24).every((line) => line.length <= 19));
  assert.equal(liveLines(state, 80, 5).length, 1);
  assert.equal(liveLines({ ...state, cells: [] }, 80, 24).length, 1);
});

test("a spark line goes from nothing to the largest value", () => {
  assert.equal(sparkLine([0, 1, 2, 3, 4, 5, 6, 7, 8]), "▁▂▃▄▅▆▇██");
  assert.equal(sparkLine([0, 0]), "▁▁");
  assert.equal(sparkLine([]), "");
});
