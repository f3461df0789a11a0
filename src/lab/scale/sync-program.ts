/**
 * A program: brings a cluster of many services into force in a node's kernel, then changes of one endpoint each, and says
 * to whoever started it what that took. A process of its own, so that its memory is what this one cluster takes; leader
 * of a group, so that it can end at once with all the commands that it has begun.
 */
import { createAgent } from "../../agent/agent.ts";
import { threadClock } from "../../core/clock.ts";
import { createKernelDataplane } from "../../dataplane/kernel/kernel.ts";
import { emulatedCost } from "../emulated-cost.ts";
import { scaleCluster, withoutEndpoint } from "./cluster.ts";
import type { FullSync, SyncRequest, SyncSaid } from "./sync.ts";

/** Each takes an endpoint away and gives it back: two changes. */
const CHANGES = 5;
const KIBI = 1024;

// Whoever started us is gone, or has heard enough.
process.on("disconnect", () => process.kill(-process.pid, "SIGKILL"));
process.once("message", (request: SyncRequest) => void sync(request));

function say(said: SyncSaid): void {
  process.send!(said);
}

async function sync(request: SyncRequest): Promise<void> {
  const { netns, mode, scheduler, iptables, services, seed, standIns } = request;
  let bytes = 0;
  const dataplane = createKernelDataplane({
    netns,
    onInput: (more) => (bytes += more),
    commandTimeoutMs: request.timeoutMs,
    ...(iptables === undefined ? {} : { iptables }),
  });
  const programOptions = scheduler === undefined ? {} : { ipvs: { scheduler } };
  const agent = createAgent({ mode, programOptions, dataplane });
  const { snapshot, nodeName, targets } = scaleCluster(services, seed, standIns);

  const timed = async (given: typeof snapshot): Promise<FullSync> => {
    const [beganMs, before] = [threadClock.nowMs(), bytes];
    await agent.sync(given, nodeName);
    return { ms: threadClock.nowMs() - beganMs, bytes: bytes - before };
  };
  const full = await timed(snapshot);
  say({ kind: "in-force", full });
  const changes: FullSync[] = [];
  for (let number = 0; number < CHANGES; number += 1) {
    changes.push(await timed(withoutEndpoint(snapshot, number)), await timed(snapshot));
  }
  // Some rules go only when the kernel lets them: nothing of that is to run beside what is measured.
  await dataplane.settle();
  const peakBytes = process.resourceUsage().maxRSS * KIBI;
  const { program, plan } = await agent.sync(snapshot, nodeName);
  await dataplane.close();
  say({
    kind: "done",
    synced: {
      targets,
      full,
      changesMs: changes.map(({ ms }) => ms),
      changeBytes: Math.max(...changes.map((one) => one.bytes)),
      peakBytes,
      emulated: emulatedCost(program, plan, targets, seed),
    },
  });
}
