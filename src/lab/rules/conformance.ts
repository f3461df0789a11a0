import { playOnce } from "./play-once.ts";
import { playPortals } from "./play-portals.ts";
import { type Play, type Player, playRecording } from "./play.ts";
import { playWatch } from "./play-watch.ts";
import { readRecording } from "./recording.ts";
import type { StageResult } from "./stage-result.ts";

export interface RulesConformanceOptions {
  /** The words that start `sluice`, without a command. */
  readonly sluice: readonly [string, ...string[]];
  /** How many recordings are played at a time. */
  readonly parallel: number;
  /** Only these modes; undefined for those of each recording. */
  readonly modes: readonly string[] | undefined;
  /** Told of each recording, mode and way that has ended. */
  readonly onResults: (results: readonly StageResult[]) => void;
}

/** The rules of the userspace mode lead to a process, and go with it. */
const waysOf = (mode: string): readonly ((play: Play) => Player)[] =>
  mode === "userspace" ? [playPortals] : [playOnce, playWatch];

/**
 * Lets `sluice run --dataplane kernel` do what a recorded kube-proxy did, in network namespaces made for it, and
 * compares the kernel's rules after every stage: by a fresh `--once` each, and by one `--watch`.
 *
 * @param folders each with a scenario.json.
 * @throws {SluiceError} INPUT_INVALID for one that is no scenario; HOST_UNABLE, COMMAND_FAILED without root.
 */
export async function conformRules(folders: readonly string[], options: RulesConformanceOptions): Promise<void> {
  const { sluice, parallel, modes, onResults } = options;
  const plays = folders
    .map(readRecording)
    .flatMap((recording) =>
      recording.modes
        .filter((mode) => modes === undefined || modes.includes(mode))
        .flatMap((mode) => waysOf(mode).map((way) => ({ recording, mode, way }))),
    );
  const queue = plays.values();
  const work = async (): Promise<void> => {
    for (const { recording, mode, way } of queue) onResults(await playRecording({ recording, mode, sluice }, way));
  };
  await Promise.all(Array.from({ length: parallel }, work));
}
