import assert from "node:assert/strict";
import { openProgressLine } from "../../src/cli/progress-line.ts";
import { suite } from "../support/suite.ts";

const test = suite("progress on a terminal");
const state = {
  done: 1,
  total: 2,
  secondsLeft: 3,
  cells: [{ subject: "direct", work: "tcp-request-response", unit: "1/s", rates: [500] }],
} as const;

function terminal(isTTY: boolean) {
  const written: string[] = [];
  const write = (text: string): boolean => written.push(text) > 0;
  return { written, stream: { isTTY, write, columns: 80, rows: 24 } as never };
}

test("three lines move: each time they are written over in one piece, and nothing is empty in between", () => {
  const { written, stream } = terminal(true);
  const progress = openProgressLine(stream);
  progress.show(state);
  assert.equal(written[0]!.split("\n").length, 3);
  const plain = written[0]!.replaceAll("\u001b[K", " EOL");
  assert.match(plain, /1\/2 slices, 3 s left EOL\n +tcp-request-response EOL\ndirect +500\/s █ *EOL/);
  assert.ok(plain.endsWith("EOL\u001b[J"));
  progress.show(state);
  // Two up from the last of three.
  assert.deepEqual(written.slice(1), [`\u001b[2A\r${written[0]}`]);
  progress.above("a line that stays\n");
  assert.deepEqual(written.slice(2), ["\u001b[2A\r\u001b[J", "a line that stays\n"]);
  progress.close();
  progress.close();
  assert.equal(written.length, 4);
});

test("what is piped gets no line that moves, and those that stay as they are", () => {
  const { written, stream } = terminal(false);
  const progress = openProgressLine(stream);
  progress.show(state);
  progress.above("a line that stays\n");
  progress.close();
  assert.deepEqual(written, ["a line that stays\n"]);
});
