import { setTimeout as pause } from "node:timers/promises";
import { systemClock } from "../../core/clock.ts";
import type { CommandResult } from "../../host/exec.ts";
import { compareMetrics, recordedMetrics } from "./compare-metrics.ts";
import { compareState, compareSysctls, countState, stateOf } from "./compare-state.ts";
import { compareWith, type Expectation, expectationOf, presettled } from "./expectation.ts";
import { type FollowedRun, followRun } from "./followed-run.ts";
import { createObjectsHeld, irrelevantSlice } from "./objects-held.ts";
import { modeAfter, type Play, type Player, runCommands, writeConfig } from "./play.ts";
import { writeObjects } from "./recorded-node.ts";
import type { RecordedStage } from "./recording.ts";
import type { ArtifactDifference, StageResult } from "./stage-result.ts";

/** How long what follows a sync may take, in milliseconds; and what comes of no sync of ours, as flushed rules do. */
const PATIENCE_MS = 10_000;
const UNASKED_MS = 60_000;
const POLL_MS = 150;
/** kube-proxy removes what it emptied in a sync that comes at least a second later. */
const SETTLE_MS = 1_250;

/** All stages by one `run --watch` that is told of them by its file. */
export function playWatch(play: Play): Player {
  const { recording, node } = play;
  const held = createObjectsHeld();
  let mode = play.mode;
  let running: FollowedRun | undefined;
  let nudges = 0;

  /** Each time with something else in it that changes no rule: so a sync follows, whatever the stage is. */
  const write = (): Promise<string> => {
    nudges += 1;
    return writeObjects(node, [...held.all(), irrelevantSlice(nudges)]);
  };
  const start = async (): Promise<void> => {
    const config = await writeConfig(play, mode);
    const options = ["run", "--watch", "--dataplane", "kernel", "--config", config, "-f", await write()];
    running = await followRun(node.follow(options));
  };
  const stop = async (): Promise<void> => {
    await running?.stop();
    running = undefined;
  };
  const reach = async (
    compare: () => Promise<readonly ArtifactDifference[]>,
    patienceMs = PATIENCE_MS,
  ): Promise<readonly ArtifactDifference[]> => {
    const endMs = systemClock.nowMs() + patienceMs;
    for (;;) {
      const differences = await compare();
      if (differences.length === 0 || systemClock.nowMs() > endMs || running?.ended === true) return differences;
      await pause(POLL_MS);
    }
  };
  const rules = (expected: Expectation) => () => compareWith(node, expected);
  /** What is asked of a running process, besides its rules. */
  const compareAnswers = async (stage: RecordedStage): Promise<Compared> => {
    const state = running === undefined ? undefined : stateOf(recording, play.mode, stage.name);
    if (state === undefined) return { compared: 0, differences: [] };
    await pause(recording.probeDelayMs);
    return { compared: countState(state), differences: await reach(() => compareState(node, state)) };
  };
  /** What was read once: settings of the kernel, and metrics. */
  const compareStart = async (): Promise<Compared> => {
    const settings = await compareSysctls(node, recording, play.mode);
    const metrics = recordedMetrics(recording, play.mode);
    if (metrics === undefined) return { compared: 1, differences: settings };
    // That of nftables had been made to sync once more by then.
    if (play.mode === "nftables") await running?.afterSync(write);
    return { compared: 2, differences: [...settings, ...(await compareMetrics(node, metrics))] };
  };

  return {
    way: "watch",
    async play(stage) {
      held.enter(stage);
      mode = modeAfter(mode, stage);
      await runCommands(node, stage);
      const kind = stage.action?.action;
      const unasked = kind === "exec";
      if (kind !== undefined && !unasked) await stop();
      const cleaned = kind === "cleanup" ? await node.sluice(["cleanup"]) : undefined;
      if (cleaned === undefined && running === undefined) await start();
      else if (cleaned === undefined && !unasked) await running?.afterSync(write);
      const before = presettled(recording, stage.name, play.mode);
      const differences = before === undefined ? [] : [...(await reach(rules(before)))];
      if (before !== undefined) {
        await pause(SETTLE_MS);
        await running?.afterSync(write);
      }
      const expected = expectationOf(recording, stage.name, play.mode);
      differences.push(...(await reach(rules(expected), unasked ? UNASKED_MS : PATIENCE_MS)));
      const answers = await compareAnswers(stage);
      const once = stage === recording.stages[0] ? await compareStart() : { compared: 0, differences: [] };
      const compared = expected.dumps.length + (before === undefined ? 0 : 1) + answers.compared + once.compared;
      differences.push(...answers.differences, ...once.differences);
      return { compared, differences, problem: problemOf(cleaned, running) };
    },
    close: stop,
  };
}

type Compared = Pick<StageResult, "compared" | "differences">;

function problemOf(cleaned: CommandResult | undefined, running: FollowedRun | undefined): string | undefined {
  if (cleaned === undefined || cleaned.exitCode === 0) return running?.problem();
  return `cleanup: exit code ${cleaned.exitCode}: ${cleaned.stderr.trim()}`;
}
