import type { BenchResult, Estimate, Quantity } from "../measure/result.ts";

/** A figure of a result that can be held against the same one of another. */
export interface ComparedFigure {
  readonly subject: string;
  /** What was done meanwhile: a work, an event, a change. */
  readonly work: string;
  readonly figure: FigureName;
  /** Null where there is none. */
  readonly estimate: Estimate | null;
  readonly isBetterWhenLow: boolean;
  /** Of a host's speed: between hosts that differ it says nothing of a regression. */
  readonly isHosts: boolean;
  /** `difference`: a mean that can be 0, of which there is no quotient. */
  readonly by: "quotient" | "difference";
}

export type FigureName =
  | "rate"
  | "ratio"
  | "p50"
  | "p99"
  | "failed"
  | "last failure"
  | "first answer"
  | "back after"
  | "slow one's share"
  | "clients moved"
  | "rules passed"
  | "decision"
  | "share error"
  | "full sync"
  | "full sync bytes"
  | "sync of one endpoint"
  | "bytes of one endpoint"
  | "memory"
  | "growth of rate"
  | "growth of p50";

/** Every figure of a result that has an interval, or that is counted and needs none. */
export function comparedFigures(result: BenchResult): ComparedFigure[] {
  return [...ofCells(result), ...ofFaults(result), ...ofSharing(result), ...ofScale(result), ...ofEmulated(result)];
}

type How = Pick<ComparedFigure, "isBetterWhenLow" | "isHosts" | "by">;
const high: How = { isBetterWhenLow: false, isHosts: true, by: "quotient" };
const low: How = { isBetterWhenLow: true, isHosts: true, by: "quotient" };
/** The same on every host. */
const anywhere = { isHosts: false } as const;
const mean = { by: "difference" } as const;

function ofCells({ cells }: BenchResult): ComparedFigure[] {
  return cells.flatMap(({ subject, work, rate, ratio, percentiles }) => {
    const percentile = (name: string): Estimate | null => percentiles.find((one) => one.percentile === name) ?? null;
    return [
      { subject, work, figure: "rate", estimate: rate, ...high },
      { subject, work, figure: "ratio", estimate: ratio, ...high, ...anywhere },
      { subject, work, figure: "p50", estimate: percentile("50"), ...low },
      { subject, work, figure: "p99", estimate: percentile("99"), ...low },
    ] satisfies ComparedFigure[];
  });
}

function ofFaults({ faults }: BenchResult): ComparedFigure[] {
  return (faults?.cells ?? []).flatMap(
    ({ subject, event, connections, failed, lastFailure, firstAnswer, backAfter }) => {
      const work = `${event}, ${connections} connections`;
      return [
        { subject, work, figure: "failed", estimate: failed, ...low, ...mean },
        { subject, work, figure: "last failure", estimate: lastFailure, ...low, ...mean },
        { subject, work, figure: "first answer", estimate: firstAnswer, ...low, ...mean },
        { subject, work, figure: "back after", estimate: backAfter, ...low, ...mean },
      ] satisfies ComparedFigure[];
    },
  );
}

function ofSharing({ sharing }: BenchResult): ComparedFigure[] {
  if (sharing === undefined) return [];
  return [
    ...sharing.slow.flatMap(({ subject, slowShare, rate }) => {
      const work = "one slow endpoint";
      return [
        { subject, work, figure: "slow one's share", estimate: slowShare, ...low, ...mean, ...anywhere },
        { subject, work, figure: "rate", estimate: rate, ...high, ...mean },
      ] satisfies ComparedFigure[];
    }),
    ...sharing.changes.map(({ subject, change, moved }): ComparedFigure => {
      const work = `an endpoint ${change}`;
      return { subject, work, figure: "clients moved", estimate: moved, ...low, ...mean, ...anywhere };
    }),
  ];
}

function ofScale({ scale }: BenchResult): ComparedFigure[] {
  if (scale === undefined) return [];
  return [
    ...scale.points.flatMap((point) => {
      const { subject } = point;
      const work = "sync";
      return [
        { subject, work, figure: "rules passed", estimate: counted(point.rules), ...low, ...anywhere },
        { subject, work, figure: "decision", estimate: point.decision, ...low },
        { subject, work, figure: "full sync", estimate: point.fullSync, ...low },
        { subject, work, figure: "full sync bytes", estimate: counted(point.fullBytes), ...low, ...anywhere },
        { subject, work, figure: "sync of one endpoint", estimate: point.changeSync, ...low },
        { subject, work, figure: "bytes of one endpoint", estimate: counted(point.changeBytes), ...low, ...anywhere },
        { subject, work, figure: "memory", estimate: once(point.memory), ...low },
      ] satisfies ComparedFigure[];
    }),
    ...scale.growth.map(({ like, work, figure, from, to, ratio }): ComparedFigure => {
      const subject = `${like} from ${from.value} to ${to.value}`;
      const how = figure === "rate" ? high : low;
      return { subject, work, figure: `growth of ${figure}`, estimate: ratio, ...how, ...anywhere };
    }),
  ];
}

function ofEmulated({ emulated }: BenchResult): ComparedFigure[] {
  return (emulated?.cells ?? []).flatMap(({ subject, servicePort, rules, decision, shareError }) => {
    const work = `decisions on ${servicePort}`;
    return [
      { subject, work, figure: "rules passed", estimate: rules, ...low, ...mean, ...anywhere },
      { subject, work, figure: "decision", estimate: decision, ...low },
      { subject, work, figure: "share error", estimate: shareError, ...low, ...mean, ...anywhere },
    ] satisfies ComparedFigure[];
  });
}

/** What is counted comes to the same each time. */
function counted({ value, unit }: Quantity): Estimate {
  return { value, interval: null, unit, reason: "no-spread" };
}

/** What was measured once has no interval. */
function once({ value, unit }: Quantity): Estimate {
  return { value, interval: null, unit, reason: "too-few-blocks" };
}
