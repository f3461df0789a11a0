import { compareDumps } from "./compare-dumps.ts";
import { compareState, countState, stateOf } from "./compare-state.ts";
import type { CanonicalDump } from "./dump.ts";
import { expectationOf } from "./expectation.ts";
import { type FollowedRun, followRun } from "./followed-run.ts";
import { createObjectsHeld, irrelevantSlice } from "./objects-held.ts";
import { type Play, type Player, writeConfig } from "./play.ts";
import { type RunningSluice, writeObjects } from "./recorded-node.ts";
import type { ArtifactDifference } from "./stage-result.ts";

/** All stages of a recorded userspace mode, by one `run --watch` that forwards behind portals. */
export function playPortals(play: Play): Player {
  const { recording, node } = play;
  const held = createObjectsHeld();
  let running: FollowedRun | undefined;
  let nudges = 0;

  /** Each time with something else in it that changes nothing: so it always applies. */
  const write = (): Promise<string> => {
    nudges += 1;
    return writeObjects(node, [...held.all(), irrelevantSlice(nudges)]);
  };
  const start = async (): Promise<void> => {
    const config = await writeConfig(play, "userspace");
    const options = ["run", "--watch", "-o", "json", "--dataplane", "workers", "--bind", "portals", "--config", config];
    running = await followRun(node.follow([...options, "-f", await write()]), countApplied);
  };
  return {
    way: "watch",
    async play(stage) {
      held.enter(stage);
      if (running === undefined) await start();
      else await running.afterSync(write);
      const differences: ArtifactDifference[] = [];
      const { dumps, onlyOurs } = expectationOf(recording, stage.name, "userspace");
      for (const { artifact, record, dump } of dumps) {
        const now = await node.dump(artifact, onlyOurs);
        for (const one of compareDumps(portsLeftOut(dump), portsLeftOut(now))) {
          differences.push({ artifact: record, ...one });
        }
      }
      const state = stateOf(recording, "userspace", stage.name);
      if (state !== undefined) differences.push(...(await compareState(node, state)));
      return { compared: dumps.length + countState(state), differences, problem: running?.problem() };
    },
    close: async () => running?.stop(),
  };
}

/** A list of its listeners follows each state that it has brought into force. */
function countApplied(running: RunningSluice): number {
  const failures = running.stderr().match(/^sluice: not applied/gm)?.length ?? 0;
  return failures + (running.stdout().match(/"event":"listening"/g)?.length ?? 0);
}

/** A service port's proxy port is random; its rules name the service port besides. */
function portsLeftOut(dump: CanonicalDump): CanonicalDump {
  const blocks = [...dump].map(([block, lines]): [string, readonly string[]] => {
    const named = lines.map((line) => {
      const forwarded = line.replace(/(--to-ports |--to-destination \S+:)\d+/, "$1PROXY");
      return block.endsWith("-NON-LOCAL") ? forwarded.replace(/--dport \d+/, "--dport PROXY") : forwarded;
    });
    return [block, named.toSorted()];
  });
  return new Map(blocks);
}
