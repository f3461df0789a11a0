import { systemClock } from "../../core/clock.ts";
import { type ChangeTrial, movedShare, type SlowTrial } from "../../measure/sharing/summarize-sharing.ts";
import type { Progress } from "../options.ts";

/**
 * Turns "a subject has had its turn in a block" into what a terminal shows: the slow endpoint's share, and the share of
 * the clients that moved.
 *
 * @param slow the number of the slow endpoint. @param blocks of all turns.
 */
export function trackTurns(
  subjects: readonly string[],
  slow: number,
  blocks: number,
  report: (progress: Progress) => void = () => {},
): (shared: SlowTrial, changed: ChangeTrial) => void {
  const startedMs = systemClock.nowMs();
  const total = subjects.length * blocks;
  const columns = ["slow one's share", "moved when added", "moved when removed"] as const;
  const shares = new Map(subjects.map((subject) => [subject, columns.map(() => [] as number[])]));
  let done = 0;
  return ({ subject, asked }, { before, during, after }) => {
    done += 1;
    const [share, added, removed] = shares.get(subject)!;
    if (asked.length > 0) share!.push(asked.filter(({ endpoint }) => endpoint === slow).length / asked.length);
    added!.push(...[movedShare(before, during)].filter((one) => one !== undefined));
    removed!.push(...[movedShare(during, after)].filter((one) => one !== undefined));
    report({
      done,
      total,
      secondsLeft: Math.round(((total - done) * (systemClock.nowMs() - startedMs)) / done / 1000),
      cells: subjects.flatMap((name) =>
        columns.map((work, at) => ({ subject: name, work, unit: "1" as const, rates: [...shares.get(name)![at]!] })),
      ),
    });
  };
}
