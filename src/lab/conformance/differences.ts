import type { Replayed } from "./replayed.ts";
import type { Outcome, Vector } from "./vector.ts";

/** A place where ours did otherwise than was recorded. */
export interface Difference {
  /** Which of the recorded runs: 0, but where chance decides and there are several. */
  readonly run: number;
  readonly what: "picks" | "packetPicks" | "counts";
  /** Which event of the vector, from 0. */
  readonly event: number;
  /** Which entry of the list, from 0. */
  readonly index: number;
  readonly recorded: unknown;
  /** What ours gave; of a recorded pick that chance could not have made, the ids that it could. */
  readonly replayed: unknown;
  readonly impossible: boolean;
}

/** What is known of a run that chance made. */
export interface RunNotes {
  readonly run: number;
  /** Of recorded picks that were impossible, by `picks 7` or `packetPicks 7`: the ids that were possible. */
  readonly possible: ReadonlyMap<string, readonly number[]>;
}

const plain: RunNotes = Object.freeze({ run: 0, possible: new Map() });

/** All places, in the order of the events. What was not recorded, or was not stable, is not compared. */
export function differencesOf(vector: Vector, recorded: Outcome, replayed: Replayed, notes = plain): Difference[] {
  const compare = (what: Difference["what"], event: number, index: number): Difference[] => {
    const [theirs, ours] = [recorded[what]?.[index], replayed[what][index]];
    const known = theirs !== undefined && !(what === "counts" && theirs === null);
    if (!known || JSON.stringify(theirs) === JSON.stringify(ours)) return [];
    const possible = notes.possible.get(`${what} ${index}`);
    const impossible = possible !== undefined;
    return [{ run: notes.run, what, event, index, recorded: theirs, replayed: possible ?? ours, impossible }];
  };
  const next = { picks: 0, packetPicks: 0 };
  return vector.events.flatMap(({ op }, event) => {
    const found = compare("counts", event, event);
    if (op !== "open" && op !== "packet") return found;
    const what = op === "open" ? "picks" : "packetPicks";
    next[what] += 1;
    return [...compare(what, event, next[what] - 1), ...found];
  });
}
