import { setTimeout as pause } from "node:timers/promises";
import { systemClock } from "../../core/clock.ts";
import type { RunningSluice } from "./recorded-node.ts";

/** How long a sync may be in coming, in milliseconds: the program has to be started and to read its objects first. */
const SYNC_MS = 300_000;
const POLL_MS = 50;

/** A `sluice run --watch` that is followed by what it says. */
export interface FollowedRun {
  readonly ended: boolean;
  /** What is wrong with the process itself; undefined: nothing. */
  problem(): string | undefined;
  /** Makes a change, and waits until a sync that began later has ended, well or not; or until the process has. */
  afterSync(change: () => Promise<unknown>): Promise<void>;
  stop(): Promise<void>;
}

/** Waits until the first sync has ended. @param countSyncs how many have ended, by what it has said. */
export async function followRun(
  running: RunningSluice,
  countSyncs: (running: RunningSluice) => number = countKernelSyncs,
): Promise<FollowedRun> {
  let overdue = false;
  const syncedMoreThan = async (before: number): Promise<void> => {
    const endMs = systemClock.nowMs() + SYNC_MS;
    while (countSyncs(running) <= before && !running.ended && !overdue) {
      await pause(POLL_MS);
      overdue = systemClock.nowMs() > endMs;
    }
  };
  await syncedMoreThan(0);
  return {
    get ended() {
      return running.ended;
    },
    problem() {
      if (running.ended) return `ended by itself: ${running.stderr().trim()}`;
      return overdue ? `no sync within ${SYNC_MS / 1000} s of a change` : undefined;
    },
    async afterSync(change) {
      const before = countSyncs(running);
      await change();
      await syncedMoreThan(before);
    },
    stop: async () => void (await running.stop("SIGTERM")),
  };
}

/** Each sync ends in a line that says whether what is wanted is in force. */
function countKernelSyncs(running: RunningSluice): number {
  return running.stderr().match(/^sluice: (?:in force$|warning: not in force: )/gm)?.length ?? 0;
}
