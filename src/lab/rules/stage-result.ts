import type { BlockDifference } from "./compare-dumps.ts";
import type { Artifact } from "./node-dump.ts";

/** `once`: a fresh `run --once` a stage. `watch`: one `run --watch` that follows the stages. */
export type Way = "once" | "watch";

/** What came of a stage of a recording. */
export interface StageResult {
  readonly recording: string;
  readonly mode: string;
  readonly way: Way;
  readonly stage: string;
  /** How many dumps, answers, lists of sockets, of metrics and of settings were compared. */
  readonly compared: number;
  readonly differences: readonly ArtifactDifference[];
  /** What went wrong before there was anything to compare. */
  readonly problem: string | undefined;
}

export interface ArtifactDifference extends BlockDifference {
  readonly artifact: Artifact | "nft.presettle.txt" | "http" | "listen" | "metrics" | "sysctl";
}

export const agrees = ({ differences, problem }: StageResult): boolean =>
  differences.length === 0 && problem === undefined;
