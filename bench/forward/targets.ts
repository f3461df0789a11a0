import { geometricMeanInterval, type Interval } from "../../src/measure/intervals.ts";
import { type Figure, type Measured, OURS } from "./result.ts";

/** Of the resampling; the same figures give the same intervals. */
export const SEED = 1;
const PEERS = ["nginx", "haproxy"];
const IDLE_BYTES = 1536;
const SHARE = 0.05;

/** One aim, and what came of it. */
export interface Reached {
  readonly what: string;
  /** As in `at least 1.15 × haproxy`. */
  readonly aim: string;
  readonly interval: Interval;
  readonly met: boolean;
}

/** What is compared in a round: how many times as good ours is. */
export const rate: Quantity = (own, its) => own.perSecond / its.perSecond;
export const processorTime: Quantity = (own, its) => its.cpuNsEach! / own.cpuNsEach!;
export const latency: Quantity = (own, its) => its.p99Ns / own.p99Ns;
type Quantity = (own: Figure, its: Figure) => number;

interface Aim {
  readonly work: string;
  readonly what: string;
  readonly quantity: Quantity;
  readonly atLeast: number;
  readonly than: readonly string[];
}

const aims: readonly Aim[] = [
  { work: "connect-request-close", what: "rate", quantity: rate, atLeast: 1.15, than: PEERS },
  { work: "connect-request-close", what: "rate", quantity: rate, atLeast: 2, than: ["node engine"] },
  { work: "connect-request-close", what: "processor time", quantity: processorTime, atLeast: 1, than: PEERS },
  { work: "request-response, 32 kept", what: "rate", quantity: rate, atLeast: 1.15, than: PEERS },
  { work: "request-response, 2,000 a second", what: "p99", quantity: latency, atLeast: 1, than: PEERS },
  { work: "bulk, 1 connection", what: "rate", quantity: rate, atLeast: 1.6, than: PEERS },
  { work: "bulk, 1 connection", what: "processor time", quantity: processorTime, atLeast: 1, than: PEERS },
  { work: "bulk, 8 connections", what: "rate", quantity: rate, atLeast: 1.6, than: PEERS },
  { work: "bulk, 8 connections", what: "processor time", quantity: processorTime, atLeast: 1, than: PEERS },
  { work: "UDP request-response, 32 flows", what: "rate", quantity: rate, atLeast: 1.5, than: ["nginx"] },
  { work: "UDP one way, 64 bytes", what: "rate", quantity: rate, atLeast: 2, than: ["nginx"] },
  { work: "UDP one way, 1,200 bytes", what: "rate", quantity: rate, atLeast: 2, than: ["nginx"] },
];

/** What is aimed at, as far as it was measured; of several peers it is the one that comes nearest. */
export function reached({ figures, memory, share }: Measured): readonly Reached[] {
  const rows = aims.flatMap((aim) => {
    const [nearest] = aim.than
      .map((subject) => ({ subject, interval: ratio(figures, aim.work, subject, aim.quantity) }))
      .filter(({ interval }) => interval.estimate !== undefined)
      .sort((a, b) => a.interval.estimate! - b.interval.estimate!);
    if (nearest === undefined) return [];
    const { subject, interval } = nearest;
    return {
      what: `${aim.work}: ${aim.what}`,
      aim: `≥ ${aim.atLeast} × ${subject}`,
      interval,
      met: interval.estimate! >= aim.atLeast,
    };
  });
  const bytes = medianAndRange(memory[OURS] ?? []);
  const part = geometricMeanInterval(share ?? [], SEED);
  return [
    ...rows,
    ...atMost("memory of an idle connection, bytes", bytes, IDLE_BYTES),
    ...atMost("JavaScript's share of a connection's processor time", part, SHARE),
  ];
}

/** What a collected heap does meanwhile may make single figures negative. */
function medianAndRange(values: readonly number[]): Interval {
  const sorted = [...values].sort((a, b) => a - b);
  return { estimate: sorted[Math.floor(sorted.length / 2)], low: sorted[0], high: sorted.at(-1) };
}

function atMost(what: string, interval: Interval, limit: number): readonly Reached[] {
  if (interval.estimate === undefined) return [];
  return [{ what, aim: `≤ ${limit}`, interval, met: interval.estimate <= limit }];
}

/** How many times as good ours is as another, by the rounds that have both. */
export function ratio(figures: readonly Figure[], work: string, subject: string, quantity: Quantity): Interval {
  const of = (name: string): ReadonlyMap<number, Figure> =>
    new Map(figures.filter((one) => one.work === work && one.subject === name).map((one) => [one.round, one]));
  const mine = of(OURS);
  const pairs = [...of(subject)].flatMap(([round, its]) => {
    const own = mine.get(round);
    return own === undefined ? [] : [quantity(own, its)];
  });
  return geometricMeanInterval(pairs, SEED);
}
