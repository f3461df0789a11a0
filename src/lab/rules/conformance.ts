import { type LastingNode, leavesNothing, openLastingNode } from "./lasting-node.ts";
import { playOnce } from "./play-once.ts";
import { playPortals } from "./play-portals.ts";
import { type Play, type Player, playRecording } from "./play.ts";
import { playWatch } from "./play-watch.ts";
import { openRecordedNode } from "./recorded-node.ts";
import { readRecording } from "./recording.ts";
import type { StageResult } from "./stage-result.ts";

export interface RulesConformanceOptions {
  /** The words that start `sluice`, without a command. */
  readonly sluice: readonly [string, ...string[]];
  /** The words that start what does the work of such processes in a namespace. */
  readonly program: readonly [string, ...string[]];
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
 * To start a process costs three times what it then does. So of many plays these are by processes of their own, each in
 * a new namespace: so many at first, and then one in so many. The others are the same commands, in a program that stays.
 */
const [PROCESSES_FIRST, PROCESS_EVERY] = [12, 17] as const;

/**
 * Lets `sluice run --dataplane kernel` do what a recorded kube-proxy did, in network namespaces made for it, and
 * compares the kernel's rules after every stage: by a fresh `--once` each, and by one `--watch`.
 *
 * @param folders each with a scenario.json.
 * @throws {SluiceError} INPUT_INVALID for one that is no scenario; HOST_UNABLE, COMMAND_FAILED without root.
 */
export async function conformRules(folders: readonly string[], options: RulesConformanceOptions): Promise<void> {
  const { sluice, program, parallel, modes, onResults } = options;
  const plays = folders
    .map(readRecording)
    .flatMap((recording) =>
      recording.modes
        .filter((mode) => modes === undefined || modes.includes(mode))
        .flatMap((mode) => waysOf(mode).map((way) => ({ recording, mode, way }))),
    );
  const queue = plays.entries();
  const work = async (): Promise<void> => {
    let lasting: LastingNode | undefined;
    try {
      for (const [i, { recording, mode, way }] of queue) {
        const byProcesses = i < PROCESSES_FIRST || i % PROCESS_EVERY === 0 || mode === "userspace";
        const apart = byProcesses || !leavesNothing(recording);
        if (!apart) lasting ??= await openLastingNode(program);
        const node = await (apart ? openRecordedNode(recording, sluice) : lasting!.open(recording));
        onResults(await playRecording({ recording, mode, node }, way));
      }
    } finally {
      await lasting?.close();
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
}
