import { type BalancePromise, checkBalance, type FlowSlice, largestShareError } from "../balance.ts";
import { holdsOne } from "../control.ts";
import { checkSummary, promiseSummary, type ServiceInfo, sharesOf } from "../distribution.ts";
import type { Interval, IntervalRequest } from "../intervals.ts";
import { meanEstimate } from "../mean.ts";
import { type Failure, quantity } from "../result.ts";
import { rateEstimate } from "../summarize-cell.ts";
import type { EmulatedCell, EmulatedControl, EmulatedResult } from "./result.ts";

/** What an emulated subject did with the flows to one service. Plain data. */
export interface EmulatedTrials {
  readonly subject: string;
  readonly what: string;
  /** `backends` are places in `flows`. */
  readonly service: ServiceInfo;
  readonly promise: BalancePromise;
  /** Connections open at a time. */
  readonly lanes: number;
  readonly blocks: readonly {
    /** By endpoint. */
    readonly flows: readonly number[];
    /** The mean of a first packet. */
    readonly rules: number;
    readonly lost: number;
  }[];
  /** Nanoseconds a decision, one a block. */
  readonly decisionNs: readonly number[];
  /** The same once more, of the subject that is the control of its service. */
  readonly againNs?: readonly number[] | undefined;
}

/**
 * Makes figures of what emulated subjects decided.
 *
 * @param estimate works out intervals, in the order of the requests. @param seed of the intervals.
 */
export async function summarizeEmulated(
  trials: readonly EmulatedTrials[],
  seed: number,
  estimate: (requests: readonly IntervalRequest[]) => Promise<readonly Interval[]>,
): Promise<{ readonly emulated: EmulatedResult; readonly failures: readonly Failure[] }> {
  const decisions = await estimate(trials.map(({ decisionNs }, at) => ({ values: decisionNs, seed: seed + at })));
  const controls = await controlsOf(trials, seed + trials.length, estimate);
  const cells = trials.map((one, at) => cellOf(one, decisions[at]!));
  const subjects = [...new Map(trials.map(({ subject, what }) => [subject, what]))];
  return {
    emulated: {
      method: methodTexts(trials[0]),
      subjects: subjects.map(([subject, what]) => ({ subject, what })),
      cells,
      controls,
    },
    failures: cells.flatMap(({ subject, servicePort, check, lost }): Failure[] => {
      const work = `decisions on ${servicePort}`;
      if (lost.value !== 0) return [{ subject, work, reason: "unanswered" }];
      return check.outcome === "broken" ? [{ subject, work, reason: "promise-broken" }] : [];
    }),
  };
}

function cellOf(trials: EmulatedTrials, decision: Interval): EmulatedCell {
  const { subject, service, promise, lanes, blocks, decisionNs } = trials;
  const flows = blocks.map((block): FlowSlice => ({ flows: block.flows, lanes, own: true, endedMs: 0 }));
  const counts = service.backends.map((backend) => sum(blocks.map((block) => block.flows[backend]!)));
  const rules = blocks.map((block) => block.rules);
  const shareErrors = blocks.flatMap((block) => largestShareError(block.flows) ?? []);
  const lost = sum(blocks.map((block) => block.lost));
  return {
    subject,
    servicePort: service.service.servicePort,
    protocol: service.service.protocol,
    flows: quantity(sum(counts) + lost, "1"),
    lost: quantity(lost, "1"),
    rules: meanEstimate(rules, "1"),
    decision: rateEstimate(decision, "ns", decisionNs.length),
    counts: { values: counts, unit: "1" },
    shares: sharesOf(counts),
    shareError: meanEstimate(shareErrors, "1", "no-flows"),
    promise: promiseSummary(promise, service.service, lanes),
    check: checkSummary(checkBalance(promise, flows, 0)),
    blocks: {
      rules: { values: rules, unit: "1" },
      decision: { values: decisionNs, unit: "ns" },
      shareError: { values: shareErrors, unit: "1" },
    },
  };
}

async function controlsOf(
  trials: readonly EmulatedTrials[],
  seed: number,
  estimate: (requests: readonly IntervalRequest[]) => Promise<readonly Interval[]>,
): Promise<EmulatedControl[]> {
  const timedTwice = trials.flatMap(({ subject, service, decisionNs, againNs }) => {
    if (againNs === undefined) return [];
    return [{ subject, service, ratios: againNs.map((ns, block) => ns / decisionNs[block]!) }];
  });
  const intervals = await estimate(timedTwice.map(({ ratios }, at) => ({ values: ratios, seed: seed + at })));
  return timedTwice.map(({ subject, service, ratios }, at) => {
    const ratio = rateEstimate(intervals[at]!, "1", ratios.length);
    const { servicePort } = service.service;
    return { servicePort, reference: subject, again: `${subject}-again`, ratio, holdsOne: holdsOne(ratio) };
  });
}

function methodTexts(trials: EmulatedTrials | undefined): string[] {
  if (trials === undefined) return [];
  const { blocks, lanes } = trials;
  const [first] = blocks;
  const flows = first === undefined ? 0 : sum(first.flows) + first.lost;
  return [
    "Emulated subjects carry no traffic: packets are decided in memory by the mode's program. What a decision takes is time of this host's JavaScript, not of a kernel: compare it among emulated subjects only.",
    `${blocks.length} blocks of ${flows} new flows, each from a client of its own, ${lanes} TCP connections open at a time; the node goes on from block to block. Rules, and which endpoint a flow goes to, depend on the seed alone.`,
    "Decisions are timed in batches, interleaved in random order, in one thread; one batch of each goes before those that count.",
  ];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
