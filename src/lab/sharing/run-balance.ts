import { systemClock } from "../../core/clock.ts";
import { seededRandom } from "../../core/random.ts";
import { FEWEST_BLOCKS } from "../../measure/intervals.ts";
import { type BenchResult, quantity } from "../../measure/result.ts";
import type { SharingResult } from "../../measure/sharing/result.ts";
import { shuffled } from "../../measure/schedule.ts";
import {
  changeCells,
  type ChangeTrial,
  sharingControl,
  sharingFailures,
  slowCells,
  type SlowTrial,
} from "../../measure/sharing/summarize-sharing.ts";
import { type OpenTheatre, openTheatre } from "../faults/open-theatre.ts";
import { type BenchOptions, resolveBenchOptions } from "../options.ts";
import { CLOSING_MS } from "../plan.ts";
import type { CreateDataplane } from "../stage.ts";
import { controlOf } from "./control.ts";
import { trackTurns } from "./track-turns.ts";
import { CLIENTS, LANES, playChange, playSlow, REQUESTS } from "./trials.ts";

/** How long endpoints take over a request, in milliseconds. */
const SLOW_MS = 10;
const FAST_MS = 2;
const OTHERS = 3;
const BLOCKS = 10;
/** The part of the budget that goes to the works. */
const WORKS_SHARE = 0.5;

/** Measures works; as `runBench`. */
export type RunWorks = (options: BenchOptions, create: CreateDataplane) => Promise<BenchResult>;

/**
 * How connections are shared out: first the works, whose distributions are held against what each mode promises; then
 * with one endpoint that is slower than the others, and with one that comes and goes.
 *
 * @returns the document of the works with `sharing` in it; without, where a signal came before the endpoints were there.
 * @throws {SluiceError} as `runBench`; HOST_UNABLE when endpoints cannot be started.
 */
export async function runBalance(
  options: BenchOptions,
  create: CreateDataplane,
  runWorks: RunWorks,
): Promise<BenchResult> {
  const resolved = resolveBenchOptions(options);
  const { budgetMs, startedMs, seed, log } = resolved;
  const works = { ...options, seed, startedMs, budgetMs: Math.round(budgetMs * WORKS_SHARE) };
  const result = await runWorks(works, create);
  const method = { ...result.method, budget: quantity(budgetMs / 1000, "s") };
  const stopped = { ...result, method, complete: false, endedBy: "signal" } as const;
  if (result.endedBy === "signal") return stopped;
  log.info(`sharing out: a slow endpoint, and one that comes and goes; ${BLOCKS} blocks`);
  const leftMs = Math.max(startedMs + budgetMs - CLOSING_MS - systemClock.nowMs(), 0);
  const end = AbortSignal.any(
    [options.signal, AbortSignal.timeout(Math.ceil(leftMs))].filter((one) => one !== undefined),
  );
  const serviceMs = [SLOW_MS, ...Array<number>(OTHERS).fill(FAST_MS), FAST_MS];
  const control = controlOf(resolved);
  const theatre = await openTheatre(options, control.resolved, control.wrap(create), serviceMs).catch(
    (error: unknown) => {
      // A terminal's Ctrl-C reaches a process that is about to become an endpoint, too; the works are measured by then.
      if (options.signal?.aborted !== true) throw error;
      return undefined;
    },
  );
  if (theatre === undefined) return stopped;
  try {
    const names = theatre.subjects.map(({ name }) => name);
    const endpoints = theatre.endpoints.slice(0, -1).map(({ number }) => number);
    const track = trackTurns(names, endpoints[0]!, BLOCKS, options.onProgress);
    const { blocks, slow, changes } = await playBlocks(theatre, seed, end, track);
    const failures = sharingFailures(slow, names, "a slow endpoint");
    const early = options.signal?.aborted === true ? "signal" : "budget";
    const isWhole = blocks === BLOCKS;
    return {
      ...result,
      method,
      complete: result.complete && isWhole,
      endedBy: isWhole ? result.endedBy : early,
      failures: [...result.failures, ...failures],
      sharing: {
        method: [...methodTexts(blocks), control.text],
        slow: slowCells(slow, names, endpoints),
        changes: changeCells(changes, names, 1 + OTHERS),
        control: sharingControl(slow, changes, endpoints, control.pair),
      },
    };
  } finally {
    await theatre.close();
  }
}

/** Until all blocks are played, or it is to end: those that are whole. */
async function playBlocks(
  { subjects, prober, endpoints }: OpenTheatre,
  seed: number,
  end: AbortSignal,
  track: ReturnType<typeof trackTurns>,
): Promise<{ readonly blocks: number; readonly slow: readonly SlowTrial[]; readonly changes: readonly ChangeTrial[] }> {
  const random = seededRandom(seed);
  const stage = { prober, endpoints: endpoints.slice(0, -1), guest: endpoints.at(-1)! };
  const slow: SlowTrial[] = [];
  const changes: ChangeTrial[] = [];
  const stop = (): void => prober.stop();
  end.addEventListener("abort", stop);
  try {
    for (let block = 0; block < BLOCKS; block += 1) {
      const ownSlow: SlowTrial[] = [];
      const ownChanges: ChangeTrial[] = [];
      for (const subject of shuffled(subjects, random)) {
        if (!end.aborted) ownSlow.push(await playSlow(subject, stage));
        if (!end.aborted) ownChanges.push(await playChange(subject, stage, block));
        if (end.aborted) return { blocks: block, slow, changes };
        track(ownSlow.at(-1)!, ownChanges.at(-1)!);
      }
      slow.push(...ownSlow);
      changes.push(...ownChanges);
    }
    return { blocks: BLOCKS, slow, changes };
  } finally {
    end.removeEventListener("abort", stop);
  }
}

function methodTexts(blocks: number): SharingResult["method"] {
  const few = blocks < FEWEST_BLOCKS ? `, too few for intervals, which take ${FEWEST_BLOCKS}` : "";
  return [
    `${blocks} blocks of ${BLOCKS}${few}; every subject once a block, in random order; intervals are Student's, of the blocks' means.`,
    `A slow endpoint: it takes ${SLOW_MS} ms over a request, ${OTHERS} others take ${FAST_MS} ms; ${REQUESTS} connections a block, a request each, ${LANES} at a time.`,
    `An endpoint added and removed: ${CLIENTS} clients a block, each an address of its own, connect once before, once with it and once after. With n endpoints and one more, the least that has to move is 1/(n+1): what the new one has to get, and what the old one had.`,
    "Chance alone: every connection goes to an endpoint at random, each equally likely.",
  ];
}
