import type { Agent } from "../agent/agent.ts";
import type { ServicePortChange } from "../agent/changes.ts";
import { createSchedule, type ScheduleSettings } from "../agent/schedule.ts";
import type { LoadedCluster } from "../cluster/load.ts";
import type { ClusterSnapshot } from "../cluster/state.ts";
import { watchCluster } from "../cluster/watch.ts";
import { systemClock } from "../core/clock.ts";
import { countOf } from "../core/count.ts";
import { exampleCluster, note, noteIfNoService } from "./cluster-input.ts";
import { nodeToServe, type RunArguments } from "./run-options.ts";

/** What is in force when following begins, and who brings what follows into force. */
interface Followed {
  readonly loaded: LoadedCluster;
  readonly nodeName: string;
  readonly agent: Agent;
  /** Called with every state that is loaded, before it is brought into force. */
  onSnapshot(snapshot: ClusterSnapshot): void;
  /** Called whenever a new state is in force. */
  onApplied(): void;
}

interface Wanted {
  readonly snapshot: ClusterSnapshot;
  readonly nodeName: string;
}

/** What could not be applied is tried again after 1 s, 2 s, … up to 30 s; what could is not applied again. */
export const retries: ScheduleSettings = Object.freeze({
  minIntervalMs: 0,
  maxIntervalMs: Infinity,
  firstRetryMs: 1000,
  retryMs: 30_000,
});

/** Follows the files: each good state is brought into force, however often it takes, and stderr tells the story. */
export function follow(args: RunArguments, followed: Followed): { close(): void } {
  const { loaded, nodeName, agent, onSnapshot, onApplied } = followed;
  let self = nodeName;
  let wanted: Wanted | undefined;
  let failures = 0;
  const schedule = createSchedule({
    ...retries,
    timers: systemClock,
    async run() {
      if (wanted === undefined) return;
      const { changes = [] } = await agent.sync(wanted.snapshot, wanted.nodeName);
      const after = failures === 0 ? "" : `, after ${countOf(failures, "failed attempt")}`;
      failures = 0;
      note(`applied${after}: ${changesText(changes)}`);
      onApplied();
    },
    onFailure(error, retryMs) {
      failures += 1;
      notApplied(`${(error as Error).message}; next attempt in ${retryMs / 1000} s`);
    },
  });
  const onChange = (snapshot: ClusterSnapshot): void => {
    noteIfNoService(snapshot);
    onSnapshot(snapshot);
    const node = nodeToServe(snapshot, args);
    if (node.name !== self) note(`this host is now ${named(node.name)}, no longer ${named(self)}`);
    if (node.name !== self && node.reason !== "") note(node.reason);
    self = node.name;
    wanted = { snapshot, nodeName: node.name };
    schedule.request();
  };
  const watch = watchCluster(args.f ?? [exampleCluster], {
    current: loaded,
    onChange(snapshot) {
      try {
        onChange(snapshot);
      } catch (error) {
        notApplied((error as Error).message);
      }
    },
    onError: (error) => note(`not loaded, the state before stays in force: ${error.message}`),
    onRecovery: () => note("loaded again: the input is good"),
  });
  return {
    close() {
      watch.close();
      void schedule.stop();
    },
  };
}

function notApplied(why: string): void {
  note(`not applied, the state before stays in force: ${why}`);
}

function named(node: string): string {
  return node === "" ? "no Node" : `the Node ${node}`;
}

/** So many are told one by one. */
const TOLD = 5;

/** `2 service ports changed: default/web:http +1 endpoint; default/dns removed -3 endpoints` */
function changesText(changes: readonly ServicePortChange[]): string {
  if (changes.length === 0) return "no service port changed";
  const told = changes.slice(0, TOLD).map(changeText);
  if (changes.length > TOLD) told.push(`and ${changes.length - TOLD} more`);
  return `${countOf(changes.length, "service port")} changed: ${told.join("; ")}`;
}

function changeText({ servicePort, family, what, endpointsAdded, endpointsRemoved }: ServicePortChange): string {
  const words = [family === 6 ? `${servicePort} (IPv6)` : servicePort];
  if (what !== "changed" || endpointsAdded + endpointsRemoved === 0) words.push(what);
  if (endpointsAdded > 0) words.push(`+${countOf(endpointsAdded, "endpoint")}`);
  if (endpointsRemoved > 0) words.push(`-${countOf(endpointsRemoved, "endpoint")}`);
  return words.join(" ");
}
