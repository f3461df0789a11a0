import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RecordedNode } from "./recorded-node.ts";
import type { Recording, RecordedStage } from "./recording.ts";
import type { StageResult, Way } from "./stage-result.ts";

/** What plays a recording in one of the two ways. */
export interface Player {
  readonly way: Way;
  /** Goes to a stage and compares. */
  play(stage: RecordedStage): Promise<Pick<StageResult, "compared" | "differences" | "problem">>;
  close(): Promise<void>;
}

/** What a player is made for. */
export interface Play {
  readonly recording: Recording;
  readonly mode: string;
  readonly node: RecordedNode;
}

/** Plays a recording in one mode, and closes its node. */
export async function playRecording(play: Play, createPlayer: (play: Play) => Player): Promise<readonly StageResult[]> {
  const { recording, mode, node } = play;
  const player = createPlayer(play);
  const results: StageResult[] = [];
  try {
    for (const stage of recording.stages) {
      const result = await player.play(stage);
      results.push({ recording: recording.name, mode, way: player.way, stage: stage.name, ...result });
    }
  } finally {
    await player.close();
    await node.close();
  }
  return results;
}

/** Writes the recording's configuration with another mode. @returns its file. */
export async function writeConfig({ recording, node }: Play, mode: string): Promise<string> {
  const file = join(node.folder, "config.yaml");
  await writeFile(file, `${recording.config.replace(/^mode:.*\n/m, "")}\nmode: ${mode}\n`);
  return file;
}

/** The mode after a stage: `switch-mode` without a name goes to the other one. */
export function modeAfter(mode: string, { action }: RecordedStage): string {
  if (action?.action !== "switch-mode") return mode;
  return action.mode ?? (mode === "iptables" ? "nftables" : "iptables");
}

export async function runCommands(node: RecordedNode, { action }: RecordedStage): Promise<void> {
  if (action?.action !== "exec") return;
  for (const command of action.commands) await node.run(command);
}
