import assert from "node:assert/strict";
import { hgrmFiles } from "../../src/report/hgrm.ts";
import { summarized } from "../measure/synthetic.ts";
import { suite } from "../support/suite.ts";

const result = await summarized();
const test = suite("hgrm");

test("every cell with latencies has a file, in microseconds, that ends with how many there are", () => {
  const files = hgrmFiles(result);
  assert.equal(files.length, result.cells.length);
  const { file, text } = files.find((one) => one.file.startsWith("ipvs-rr-tcp"))!;
  assert.equal(file, "ipvs-rr-tcp-connect-request-close.hgrm");
  assert.match(text, /^ +Value +Percentile +TotalCount 1\/\(1-Percentile\)\n/);
  // Latencies lie evenly over 0…3 ms: half of all lies below 1500 µs.
  const half = text.split("\n").find((line) => line.includes("0.50000"))!;
  assert.ok(Math.abs(Number(half.trim().split(/ +/)[0]) - 1500) < 5, half);
  assert.match(text, /Total count += +12022\]/);
});

test("a cell without latencies has none", () => {
  const cells = result.cells.map((cell) => Object.assign({ ...cell }, { latency: null }));
  assert.deepEqual(hgrmFiles({ ...result, cells }), []);
});
