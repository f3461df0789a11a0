import type { Log } from "../../core/log.ts";
import { seededRandom } from "../../core/random.ts";
import { createNetns } from "../../host/netns.ts";
import { FEWEST_BLOCKS } from "../../measure/intervals.ts";
import { shuffled } from "../../measure/schedule.ts";
import { fullSyncInProcess, type SyncRequest } from "./sync.ts";

/** A cluster that came into force once already. */
export interface SyncedOnce {
  readonly request: SyncRequest;
  readonly fullMs: number;
}

/** So many full syncs make an interval. */
const FULL_SYNCS = FEWEST_BLOCKS;
/** What all further ones may take together. */
const AGAIN_MS = 90_000;

/** How many further full syncs there is time for. @param shareMs what they may take. */
export function furtherSyncs(fullMs: number, shareMs: number): number {
  return Math.min(FULL_SYNCS - 1, Math.floor(shareMs / fullMs));
}

/**
 * Brings clusters into force again, each time in a namespace without rules, in random order: as often as an interval
 * takes where that is quick, less often or not at all where it is not.
 *
 * @returns a list a cluster of how long it took, in milliseconds, the first time included; what is stopped does not count.
 */
export async function repeatFullSyncs(
  once: readonly SyncedOnce[],
  { name, seed, log, signal }: { name: string; seed: number; log: Log; signal: AbortSignal | undefined },
): Promise<number[][]> {
  const took = once.map(({ fullMs }) => [fullMs]);
  const shareMs = AGAIN_MS / once.length;
  const again = once.flatMap(({ fullMs }, at) => Array<number>(furtherSyncs(fullMs, shareMs)).fill(at));
  if (again.length > 0) log.info(`${again.length} full syncs again, for intervals: at most ${AGAIN_MS / 1000} s`);
  for (const at of shuffled(again, seededRandom(seed))) {
    if (signal?.aborted === true) break;
    const netns = await createNetns(name);
    try {
      const outcome = await fullSyncInProcess({ ...once[at]!.request, netns: netns.name }, signal);
      if ("answer" in outcome) took[at]!.push(outcome.answer.ms);
    } finally {
      await netns.close();
    }
  }
  return took;
}
