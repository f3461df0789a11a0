import type { Clock } from "../../core/clock.ts";
import { type WorkKind, workOf } from "../work.ts";
import { bulkLane } from "./bulk-lane.ts";
import { connectLane } from "./connect-lane.ts";
import { keptLane } from "./kept-lane.ts";
import type { Lane, LaneRun } from "./lane.ts";
import { createTally, type Tally } from "./tally.ts";
import type { LoadSample, LoadTask } from "./task.ts";
import { closedLoop, openLoop, type Turns } from "./turns.ts";
import { udpLane } from "./udp-lane.ts";

/** How often the lanes are looked through for one that has waited too long, in milliseconds. */
const SWEEP_MS = 20;

const laneOf: Readonly<Record<WorkKind, (run: LaneRun, number: number) => Lane>> = {
  "tcp-connect-request-close": connectLane,
  "tcp-request-response": keptLane,
  "tcp-bulk": bulkLane,
  "udp-request-response": udpLane,
  "tcp-connect": connectLane,
  "udp-first-datagram": udpLane,
};

/**
 * Runs one slice of load in this thread. It ends when the window is over and every lane has its last answer, or has
 * waited for it in vain: at most two time-outs after the window, or of an open loop after the last request was due, and as
 * long as a stream takes to empty its buffers.
 *
 * @param clock the finest there is; it has to be that of this thread only.
 * @param signal ends the slice at once; what was counted until then is the sample.
 */
export async function runLoad(task: LoadTask, clock: Clock, signal: AbortSignal): Promise<LoadSample> {
  const window = createWindow(clock, task.windowMs);
  const tally = createTally(window.isOpen);
  const turns = createTurns(task, clock, window, tally);
  const { lanes, ended } = createLanes(task, clock, turns, tally);
  const sweep = setInterval(() => {
    const late = clock.nowMs() - task.timeoutMs;
    for (const lane of lanes.values()) if ((lane.waitingSinceMs ?? Infinity) < late) lane.giveUp();
  }, SWEEP_MS);
  const abort = (): void => {
    window.close();
    turns.stop();
    for (const lane of lanes.values()) lane.abort();
  };
  signal.addEventListener("abort", abort, { once: true });
  try {
    if (signal.aborted) abort();
    else await Promise.race([Promise.all([...lanes.values()].map((lane) => lane.open())), ended]);
    turns.begin(window.open());
    for (const lane of lanes.values()) lane.begin();
    await ended;
    return tally.sample(window.seconds());
  } finally {
    clearInterval(sweep);
    turns.stop();
    signal.removeEventListener("abort", abort);
  }
}

/** The time in which requests are sent and operations count. */
interface Window {
  /** @returns when. */
  open(): number;
  /** Before its time; one that was closed does not open. */
  close(): void;
  isOpen(): boolean;
  /** How long it was open, once that is over. */
  seconds(): number;
}

function createWindow(clock: Clock, windowMs: number): Window {
  let openedMs = Infinity;
  let closesMs = Infinity;
  return {
    open() {
      openedMs = clock.nowMs();
      closesMs = Math.min(closesMs, openedMs + windowMs);
      return openedMs;
    },
    close() {
      closesMs = Math.min(closesMs, clock.nowMs());
    },
    isOpen() {
      const nowMs = clock.nowMs();
      return nowMs >= openedMs && nowMs < closesMs;
    },
    seconds: () => Math.max(0, closesMs - openedMs) / 1000,
  };
}

/** The loop that the work is. */
function createTurns({ work, windowMs, timeoutMs }: LoadTask, clock: Clock, { isOpen }: Window, tally: Tally): Turns {
  const { ratePerSecond } = workOf(work);
  if (ratePerSecond === undefined) return closedLoop(clock, isOpen);
  const expired = (): void => tally.failed("timedOut");
  return openLoop({ ratePerSecond, windowMs, timeoutMs, clock, late: tally.sent, expired });
}

/** @returns the lanes that have not ended yet, and a promise of when there is none. */
function createLanes(
  task: LoadTask,
  clock: Clock,
  turns: Turns,
  tally: Tally,
): { lanes: ReadonlyMap<number, Lane>; ended: Promise<void> } {
  const { work, targets, firstLane, concurrency } = task;
  const lanes = new Map<number, Lane>();
  let target = 0;
  let allEnded!: () => void;
  const ended = new Promise<void>((resolve) => (allEnded = resolve));
  const run: LaneRun = {
    ...tally,
    task,
    nowMs: () => clock.nowMs(),
    isOpen: turns.isOpen,
    turn: turns.take,
    nextTarget: () => targets[target++ % targets.length]!,
    ended(lane) {
      lanes.delete(lane);
      if (lanes.size === 0) allEnded();
    },
  };
  for (let number = firstLane; number < firstLane + concurrency; number += 1) {
    lanes.set(number, laneOf[workOf(work).kind](run, number));
  }
  return { lanes, ended };
}
