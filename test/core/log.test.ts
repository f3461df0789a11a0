import assert from "node:assert/strict";
import { lineLog, silentLog } from "../../src/core/log.ts";
import { suite } from "../support/suite.ts";

const test = suite("log");

test("writes one whole line a message, and marks warnings", () => {
  const lines: string[] = [];
  const log = lineLog((line) => lines.push(line));
  log.info("synced 3 services");
  log.warn("no endpoints");
  assert.deepEqual(lines, ["synced 3 services\n", "warning: no endpoints\n"]);
});

test("a silent log takes messages and says nothing", () => {
  assert.deepEqual([silentLog.info("a"), silentLog.warn("b")], [undefined, undefined]);
});
