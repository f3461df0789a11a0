import { systemClock } from "../../core/clock.ts";
import { type RunningCommand, startCommand } from "../../host/exec.ts";
import { compareWith, type Expectation, expectationOf, presettled } from "./expectation.ts";
import { createObjectsHeld, irrelevantSlice } from "./objects-held.ts";
import { modeAfter, type Play, type Player, runCommands, writeConfig } from "./play.ts";
import { writeObjects } from "./recorded-node.ts";
import type { ArtifactDifference } from "./stage-result.ts";

/** How long rules may take to become what they have to be, in milliseconds. */
const PATIENCE_MS = 20_000;
const POLL_MS = 150;
/** kube-proxy removes what it emptied in a sync that comes at least a second later. */
const SETTLE_MS = 1_250;

/** All stages by one `run --watch` that is told of them by its file. */
export function playWatch(play: Play): Player {
  const { recording, node, sluice } = play;
  const held = createObjectsHeld();
  let mode = play.mode;
  let running: RunningCommand | undefined;
  let nudges = 0;

  const write = (): Promise<string> =>
    writeObjects(node, nudges === 0 ? held.all() : [...held.all(), irrelevantSlice(nudges)]);
  const start = async (): Promise<void> => {
    const config = await writeConfig(play, mode);
    const options = ["run", "--watch", "--dataplane", "kernel", "--config", config, "-f", await write()];
    running = startCommand([...node.prefix, ...sluice, ...options]);
  };
  const stop = async (): Promise<void> => {
    await running?.stop("SIGTERM");
    running = undefined;
  };
  const reach = async (expected: Expectation): Promise<readonly ArtifactDifference[]> => {
    const endMs = systemClock.nowMs() + PATIENCE_MS;
    for (;;) {
      const differences = await compareWith(node, expected);
      if (differences.length === 0 || systemClock.nowMs() > endMs || running?.ended === true) return differences;
      await pause(POLL_MS);
    }
  };

  return {
    way: "watch",
    async play(stage) {
      held.enter(stage);
      mode = modeAfter(mode, stage);
      await runCommands(node, stage);
      const kind = stage.action?.action;
      if (kind !== undefined && kind !== "exec") await stop();
      if (kind === "cleanup") await node.run([...sluice, "cleanup"]);
      else if (running === undefined) await start();
      else await write();
      const before = presettled(recording, stage.name, play.mode);
      const differences = before === undefined ? [] : await reach(before);
      if (before !== undefined) {
        await pause(SETTLE_MS);
        nudges += 1;
        await write();
      }
      const expected = expectationOf(recording, stage.name, play.mode);
      const after = await reach(expected);
      const died = running?.ended === true;
      return {
        compared: expected.dumps.length + (before === undefined ? 0 : 1),
        differences: [...differences, ...after],
        problem: died ? `ended by itself: ${running!.stderr().trim()}` : undefined,
      };
    },
    close: stop,
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
