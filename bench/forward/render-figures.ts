import { geometricMeanInterval } from "../../src/measure/intervals.ts";
import { amount, interval, table } from "./render-table.ts";
import type { Figure } from "./result.ts";
import { latency, processorTime, rate, ratio, SEED } from "./targets.ts";

const HEAD = [
  "work",
  "subject",
  "a second",
  "ours / it (95 %)",
  "its CPU / ours (95 %)",
  "its p99 / ours (95 %)",
  "CPU seconds",
  "p99",
  "errors",
];

/**
 * A line a work and subject: the rate in the mean, how many times as fast ours is, and how much processor time and how
 * long a wait the other takes for what ours does, each with its 95 % interval; every round gives one ratio.
 */
export function renderFigures(figures: readonly Figure[]): string {
  const works = [...new Set(figures.map(({ work }) => work))].sort();
  const lines = works.flatMap((work) => {
    const ofWork = figures.filter((figure) => figure.work === work);
    const subjects = [...new Set(ofWork.map(({ subject }) => subject))].sort();
    return subjects.map((subject) => line(work, subject, ofWork));
  });
  return table([HEAD, ...lines]);
}

function line(work: string, subject: string, ofWork: readonly Figure[]): string[] {
  const its = ofWork.filter((figure) => figure.subject === subject);
  const cpu = its.flatMap(({ cpuNsEach }) => cpuNsEach ?? []);
  const p99 = its.flatMap(({ p99Ns }) => (p99Ns > 0 ? p99Ns : []));
  const isProxy = cpu.length > 0;
  return [
    work,
    subject,
    amount(mean(its.map(({ perSecond }) => perSecond))),
    interval(ratio(ofWork, work, subject, rate)),
    isProxy ? interval(ratio(ofWork, work, subject, processorTime)) : "",
    isProxy && p99.length > 0 ? interval(ratio(ofWork, work, subject, latency)) : "",
    isProxy ? cpuSeconds(mean(cpu), its[0]!.counts) : "",
    p99.length > 0 ? `${amount(mean(p99)! / 1e3)} µs` : "",
    String(its.reduce((sum, { errors }) => sum + errors, 0)),
  ];
}

function mean(values: readonly number[]): number | undefined {
  return geometricMeanInterval(values, SEED).estimate;
}

/** For what is counted: 10⁹ bytes, or 10,000 operations. */
function cpuSeconds(nsEach: number | undefined, counts: Figure["counts"]): string {
  if (nsEach === undefined) return "";
  return counts === "bytes" ? `${amount(nsEach)} a GB` : `${amount(nsEach / 1e5)} a 10,000`;
}
