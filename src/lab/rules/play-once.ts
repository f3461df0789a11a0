import type { CommandResult } from "../../host/exec.ts";
import { compareSysctls } from "./compare-state.ts";
import { compareWith, expectationOf } from "./expectation.ts";
import { createObjectsHeld } from "./objects-held.ts";
import { modeAfter, type Play, type Player, runCommands, writeConfig } from "./play.ts";
import { writeObjects } from "./recorded-node.ts";
import { wasRefused } from "./recorded-state.ts";

/**
 * Each stage by a fresh `run --once`, on the rules that the stage before left. It is told of ServiceCIDRs as far as the
 * recorded kube-proxy went by them: that one ran on, and takes new ones over once an hour.
 */
export function playOnce(play: Play): Player {
  const { recording, node } = play;
  const held = createObjectsHeld();
  const wantedCode = wasRefused(recording, play.mode) ? 4 : 0;
  let mode = play.mode;

  const once = async (): Promise<CommandResult> => {
    const config = await writeConfig(play, mode);
    const file = await writeObjects(node, held.known());
    return node.sluice(["run", "--once", "--dataplane", "kernel", "--config", config, "-f", file]);
  };
  return {
    way: "once",
    async play(stage) {
      held.enter(stage);
      mode = modeAfter(mode, stage);
      await runCommands(node, stage);
      const cleanup = stage.action?.action === "cleanup";
      const { exitCode, stderr } = await (cleanup ? node.sluice(["cleanup"]) : once());
      const wanted = cleanup ? 0 : wantedCode;
      const problem = exitCode === wanted ? undefined : `exit code ${exitCode}, not ${wanted}: ${stderr.trim()}`;
      const expected = expectationOf(recording, stage.name, play.mode);
      const differences = [...(await compareWith(node, expected))];
      const first = stage === recording.stages[0];
      if (first) differences.push(...(await compareSysctls(node, recording, play.mode)));
      return { compared: expected.dumps.length + (first ? 1 : 0), differences, problem };
    },
    close: async () => {},
  };
}
