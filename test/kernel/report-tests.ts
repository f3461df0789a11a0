import assert from "node:assert/strict";
import type { GuestRun } from "../support/guest.ts";
import type { GuestTest } from "./guest.ts";

/** Tests of the report that a program in a guest prints as JSON. */
export interface ReportTests<Report, Part extends keyof Report> {
  readonly tests: readonly GuestTest[];
  inGuest(name: string, body: (report: Report) => void): void;
  /** Of a part that is not asked for nothing is declared. */
  inPart<One extends Part>(
    part: One,
    name: string,
    body: (found: NonNullable<Report[One]>, report: Report) => void,
  ): void;
}

/** @param parts of the report that the program was asked for. */
export function reportTests<Report, Part extends keyof Report>(parts: readonly Part[]): ReportTests<Report, Part> {
  const tests: GuestTest[] = [];
  const inGuest = (name: string, body: (report: Report) => void): void => {
    tests.push({ name, body: (ran) => body(reportOf<Report>(ran)) });
  };
  return {
    tests,
    inGuest,
    inPart(part, name, body) {
      if (parts.includes(part)) inGuest(name, (report) => body(report[part]!, report));
    },
  };
}

function reportOf<Report>({ exitCode, stdout, stderr, console }: GuestRun): Report {
  assert.equal(exitCode, 0, `the program in the guest failed: ${stderr}\n${console}`);
  return JSON.parse(stdout) as Report;
}
