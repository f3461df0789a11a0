import assert from "node:assert/strict";
import { eventFigures } from "../../../src/measure/faults/event-figures.ts";
import {
  failedByBlock,
  faultCells,
  faultFailures,
  type FaultTrial,
} from "../../../src/measure/faults/summarize-faults.ts";
import type { Asked } from "../../../src/measure/probe/probe.ts";
import { suite } from "../../support/suite.ts";

const test = suite("figures of an event");

function asked(dueMs: number, endedMs: number, outcome: Asked["outcome"] = "answered", endpoint = 1): Asked {
  return { dueMs, endedMs, outcome, endpoint: outcome === "answered" ? endpoint : undefined, source: undefined };
}

const requests = [
  asked(90, 95),
  // Under way when it happened.
  asked(98, 101, "dropped"),
  asked(99, 103),
  asked(105, 106, "refused"),
  asked(110, 118),
  asked(120, 170, "timedOut"),
  asked(150, 152, "answered", 7),
  // The next event's.
  asked(190, 201, "dropped"),
];

test("requests that end between an event and the next are its own, also those that were under way", () => {
  const figures = eventFigures(requests, { fromMs: 100, untilMs: 200, back: undefined });
  assert.deepEqual(figures, {
    asked: 6,
    errors: { refused: 1, dropped: 1, timedOut: 1, wrong: 0 },
    // Due at 120.
    lastFailureMs: 20,
    // Due at 110; the answer at 103 was to one that was due before.
    firstAnswerMs: 18,
    backMs: undefined,
  });
});

test("an endpoint is back with its own first answer, not with somebody's", () => {
  assert.equal(eventFigures(requests, { fromMs: 100, untilMs: 200, back: 7 }).backMs, 52);
  assert.equal(eventFigures(requests, { fromMs: 100, untilMs: 200, back: 8 }).backMs, undefined);
});

test("an event without failures has converged at once", () => {
  const figures = eventFigures(requests, { fromMs: 0, untilMs: 100, back: undefined });
  assert.deepEqual([figures.asked, figures.lastFailureMs, figures.firstAnswerMs], [1, 0, 95]);
});

function trial(subject: string, event: string, refused: number, lastFailureMs = 0): FaultTrial {
  const figures = { asked: 100, errors: { refused, dropped: 0, timedOut: 0, wrong: 0 }, lastFailureMs };
  const both = { ...figures, firstAnswerMs: 4, backMs: undefined };
  return { subject, event, figures: { fresh: both, kept: both } };
}

test("five trials have a mean with an interval; with no spread there is none, and fewer say so", () => {
  const trials = [2, 4, 6, 8, 10].flatMap((refused) => [trial("a", "dies", refused), trial("b", "dies", 0)]);
  const cells = faultCells([...trials, trial("a", "thaws", 3)], ["dies", "thaws"], ["a", "b"]);
  assert.deepEqual(
    cells.map(({ event, connections, subject }) => `${event} ${connections} ${subject}`),
    ["dies", "thaws"].flatMap((event) =>
      ["fresh", "kept"].flatMap((how) => [`${event} ${how} a`, `${event} ${how} b`]),
    ),
  );
  const { failed, asked: requests, errors, backAfter } = cells[0]!;
  // The mean is 6, its standard error √2, and t with 4 degrees 2.776.
  assert.equal(failed.value, 6);
  assert.deepEqual(
    failed.interval!.map((end) => end.toFixed(2)),
    ["2.07", "9.93"],
  );
  assert.deepEqual([requests.value, errors.refused.value], [500, 30]);
  assert.deepEqual(backAfter, { value: null, interval: null, unit: "ms", reason: "not-applicable" });
  assert.deepEqual(cells[1]!.failed, { value: 0, interval: null, unit: "1", reason: "no-spread" });
  assert.deepEqual(cells[4]!.failed, { value: 3, interval: null, unit: "1", reason: "too-few-blocks" });
  assert.equal(cells[5]!.failed.value, null);
});

test("a request that fails while nothing happens is a failure of the run; one of an event is not", () => {
  const cells = faultCells([trial("a", "nothing", 1), trial("a", "dies", 5)], ["nothing", "dies"], ["a"]);
  assert.deepEqual(faultFailures(cells, "nothing"), [
    { subject: "a", work: "nothing, fresh connections", reason: "unanswered" },
    { subject: "a", work: "nothing, kept connections", reason: "unanswered" },
  ]);
});

test("failed requests of a block are those of all its events, fresh and kept", () => {
  const blocks = [[trial("a", "dies", 1), trial("a", "thaws", 2), trial("b", "dies", 9)], [trial("a", "dies", 5)]];
  assert.deepEqual(failedByBlock(blocks, "a"), [6, 10]);
});
