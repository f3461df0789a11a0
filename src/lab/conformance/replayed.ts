import type { Playback } from "./playback.ts";
import type { Outcome, ServerCounts, Vector } from "./vector.ts";

/** What ours did, in the form of what a vector records. */
export interface Replayed extends Outcome {
  readonly picks: readonly (number | null)[];
  readonly packetPicks: readonly (number | null)[];
  readonly counts: readonly (readonly ServerCounts[])[];
}

/** Plays all events of a vector. @param pick makes the pick of an event, which is that of the playback by default. */
export function play(
  vector: Vector,
  playback: Playback,
  pick: Playback["pick"] = (event) => playback.pick(event),
): Replayed {
  const picks: (number | null)[] = [];
  const packetPicks: (number | null)[] = [];
  const counts = vector.events.map((event) => {
    if (event.op === "open") picks.push(pick(event));
    else if (event.op === "packet") packetPicks.push(pick(event));
    else playback.apply(event);
    return playback.counts();
  });
  return { picks, packetPicks, counts };
}
