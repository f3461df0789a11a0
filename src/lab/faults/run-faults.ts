import { systemClock } from "../../core/clock.ts";
import { configInvalid } from "../../core/errors.ts";
import { type Random, seededRandom } from "../../core/random.ts";
import { holdsZero, someDiffers } from "../../measure/control.ts";
import { environmentStart } from "../../measure/environment.ts";
import { failedByBlock, faultCells, faultFailures, type FaultTrial } from "../../measure/faults/summarize-faults.ts";
import { FEWEST_BLOCKS } from "../../measure/intervals.ts";
import { meanEstimate } from "../../measure/mean.ts";
import { HEADER_BYTES } from "../../measure/message.ts";
import type { BenchResult, Estimate } from "../../measure/result.ts";
import { shuffled } from "../../measure/schedule.ts";
import { frameResult } from "../frame.ts";
import { type BenchOptions, resolveBenchOptions } from "../options.ts";
import { CLOSING_MS } from "../plan.ts";
import type { CreateDataplane } from "../stage.ts";
import { type OpenTheatre, openTheatre, subjectSummaries } from "./open-theatre.ts";
import { eventNames, events, scenarios } from "./scenarios.ts";
import { KEPT_LANES, playTrial, RATE_PER_SECOND, TIMEOUT_MS } from "./trial.ts";
import { trackTrials } from "./track-trials.ts";

const ENDPOINTS = 4;
/** What a trial takes, more or less: the waiting in the longest story, and processes started. */
const TRIAL_MS = 2000;
/** What a run takes before its trials. */
const OPENING_MS = 2500;
const MOST_BLOCKS = 30;
const INTERVALS = "Of the trials, one a block: the mean, and Student's interval.";

/**
 * Endpoints die, freeze, return and are replaced while a client asks all the while: how many requests fail, and how long
 * it takes until none does. Every block plays every story with every subject once, in random order.
 *
 * @returns the document; `complete` is false when `signal` or the budget ended it, with the blocks that are whole.
 * @throws {SluiceError} CONFIG_INVALID; HOST_UNABLE when endpoints cannot be started; DATAPLANE_FAILED.
 */
export async function runFaults(options: BenchOptions, create: CreateDataplane): Promise<BenchResult> {
  const resolved = resolveBenchOptions(options);
  const { budgetMs, seed, startedMs, log } = resolved;
  const plannedBlocks = plannedFor(budgetMs, resolved.subjects.length + 2);
  const start = environmentStart();
  const deadline = AbortSignal.timeout(Math.max(Math.ceil(startedMs + budgetMs - CLOSING_MS - systemClock.nowMs()), 0));
  const theatre = await openTheatre(options, resolved, create, Array<number>(ENDPOINTS).fill(0));
  try {
    log.info(
      `playing ${scenarios.length} stories on ${theatre.port.name}: ${plannedBlocks} blocks, at most ${budgetMs / 1000} s, seed ${seed}`,
    );
    const random = seededRandom(seed);
    const end = AbortSignal.any([options.signal, deadline].filter((one) => one !== undefined));
    const blocks: FaultTrial[][] = [];
    const track = trackTrials(plannedBlocks * theatre.subjects.length * scenarios.length, theatre, options.onProgress);
    while (blocks.length < plannedBlocks) {
      const block = await playBlock(theatre, random, end, track);
      if (block === undefined) break;
      blocks.push(block);
    }
    const early = options.signal?.aborted === true ? "signal" : "budget";
    const endedBy = blocks.length === plannedBlocks ? "plan" : early;
    if (endedBy === "budget")
      log.warn(`the budget of ${budgetMs / 1000} s is over: ending with the blocks that are whole`);
    const names = theatre.subjects.map(({ name }) => name);
    const cells = faultCells(blocks.flat(), eventNames, names);
    return {
      ...frameResult({
        endedBy,
        failures: faultFailures(cells, "nothing"),
        notes: notesOf(theatre),
        services: [theatre.service],
        subjects: subjectSummaries(theatre.subjects),
        unmeasured: [],
        seed,
        blocks: blocks.length,
        plannedBlocks,
        budgetMs,
        windowMs: TRIAL_MS,
        messageBytes: HEADER_BYTES,
        timeoutMs: TIMEOUT_MS,
        differs: someDiffers([holdsZero(controlDifference(blocks, names))]),
        intervals: INTERVALS,
        start,
        engine: theatre.engine,
      }),
      faults: {
        method: methodTexts,
        events: eventNames.map((event) => ({ event, what: events[event] })),
        cells,
      },
    };
  } finally {
    await theatre.close();
  }
}

/** @returns undefined where it was stopped. */
async function playBlock(
  theatre: OpenTheatre,
  random: Random,
  signal: AbortSignal,
  track: (trials: readonly FaultTrial[]) => void,
): Promise<FaultTrial[] | undefined> {
  const pairs = theatre.subjects.flatMap((subject) => scenarios.map((scenario) => ({ subject, scenario })));
  const trials: FaultTrial[] = [];
  for (const { subject, scenario } of shuffled(pairs, random)) {
    const outcomes = signal.aborted ? undefined : await playTrial(scenario, subject, theatre, signal);
    if (outcomes === undefined) return undefined;
    const played = outcomes.map(({ event, figures }) => ({ subject: subject.name, event, figures }));
    trials.push(...played);
    track(played);
  }
  return trials;
}

function plannedFor(budgetMs: number, subjects: number): number {
  const blockMs = subjects * scenarios.length * TRIAL_MS;
  const blocks = Math.min(Math.floor((budgetMs - OPENING_MS - CLOSING_MS) / blockMs), MOST_BLOCKS);
  if (blocks >= FEWEST_BLOCKS) return blocks;
  const least = Math.ceil((OPENING_MS + CLOSING_MS + FEWEST_BLOCKS * blockMs) / 1000);
  throw configInvalid("budgetMs", `at least ${least} s for ${FEWEST_BLOCKS} blocks`, `${budgetMs / 1000} s`);
}

/** Of the reference and the reference again: failed requests a block, the one less the other. */
function controlDifference(
  blocks: readonly (readonly FaultTrial[])[],
  [reference, again]: readonly string[],
): Estimate {
  const of = failedByBlock(blocks, again!);
  return meanEstimate(
    failedByBlock(blocks, reference!).map((failed, block) => of[block]! - failed),
    "1",
  );
}

const methodTexts = [
  `Two clients ask all the while, ${RATE_PER_SECOND} requests a second each: one connects anew for each request, one keeps ${KEPT_LANES} connections. A request fails when it is refused, its connection ends first, or ${TIMEOUT_MS} ms have passed since it was due; nothing is asked again.`,
  "A request belongs to the event before its end. To converge is to have seen the last failure: when the last request that failed was due, counted from the event.",
  `${ENDPOINTS} endpoints, each a process; nothing but what a story does happens to them.`,
];

function notesOf({ port }: OpenTheatre): string[] {
  return [
    `Endpoints of ${port.name} are processes of this host, on loopback; so are the proxies.`,
    "How long the cluster takes to learn of an event is a setting of the stories, the same for all subjects: compare subjects with each other, not with a cluster's times.",
    "A mode on worker threads connects for the client: where an endpoint refuses, userspace tries another one, as kube-proxy's did; the others answer as their kernel would.",
  ];
}
