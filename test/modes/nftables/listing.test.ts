/** How nft prints numbers; the rest of the listing is held against recordings and a kernel. */
import assert from "node:assert/strict";
import { formatDuration } from "../../../src/modes/nftables/duration.ts";
import { priorityText } from "../../../src/modes/nftables/priority.ts";
import { suite } from "../../support/suite.ts";

const test = suite("numbers as nft prints them");

test("times in days, hours, minutes and seconds", () => {
  for (const [seconds, text] of [
    [0, "0s"],
    [1, "1s"],
    [60, "1m"],
    [90, "1m30s"],
    [3600, "1h"],
    [10_800, "3h"],
    [86_400, "1d"],
    [90_061, "1d1h1m1s"],
  ] as const) {
    assert.equal(formatDuration(seconds), text);
  }
});

test("priorities by the nearest name that fits the hook", () => {
  for (const [hook, priority, text] of [
    ["prerouting", -110, "dstnat - 10"],
    ["prerouting", -111, "-111"],
    ["prerouting", -100, "dstnat"],
    ["output", -110, "-110"],
    ["output", -100, "-100"],
    ["postrouting", 100, "srcnat"],
    ["input", 100, "100"],
    ["input", 0, "filter"],
    ["input", 10, "filter + 10"],
    ["input", 11, "11"],
    ["forward", 45, "security - 5"],
    ["output", -150, "mangle"],
    ["prerouting", -300, "raw"],
  ] as const) {
    assert.equal(priorityText("ip", { type: "filter", hook, priority }), text);
  }
  assert.equal(priorityText("netdev", { type: "filter", hook: "ingress", priority: 0 }), "0");
});
