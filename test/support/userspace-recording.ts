/** What clients met behind kube-proxy 1.25 in userspace mode, as test/golden/kube-proxy-userspace holds it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parse } from "yaml";
import type { ClusterSnapshot } from "../../src/cluster/state.ts";
import type { UserspaceOptions } from "../../src/modes/userspace/options.ts";
import { readScenario, scenarioFolders } from "./recorded-scenario.ts";
import { inProject } from "./root.ts";

/** Connections, one after the other, and who answered each. */
export interface RecordedCheck {
  readonly check: string;
  readonly from: "client" | "pod-client" | "node";
  /** `udp`: each datagram from a socket of its own; `udpstream`: all from one. */
  readonly op: "tcp" | "udp" | "udpstream";
  readonly target: string;
  /** Client addresses, used in turn. */
  readonly locals?: readonly string[];
  /** Between the datagrams of a stream. */
  readonly gapMs: number;
  /** The pod that answered, or an error. */
  readonly sequence: readonly string[];
  /** The same, backends numbered by first appearance. */
  readonly canonical: readonly (number | string)[];
  /** `pod-a sees 10.244.1.1`. */
  readonly sourceSeenByBackend?: readonly string[];
  readonly elapsedMs?: readonly number[];
}

interface RecordedStage {
  readonly name: string;
  readonly snapshot: ClusterSnapshot;
  /** Sockets of kube-proxy, such as `tcp *:36000`. */
  readonly listen: readonly string[];
  readonly acts: readonly (RecordedCheck | { readonly sleepMs: number })[];
}

export interface UserspaceRecording {
  readonly name: string;
  readonly nodeName: string;
  readonly options: UserspaceOptions;
  /** Where kube-proxy's health and metrics servers listen, as `listen` says it. */
  readonly ownServers: readonly string[];
  readonly stages: readonly RecordedStage[];
  /** Lines of the log: what kube-proxy could not do, and what it could not connect. */
  readonly errors: readonly string[];
  readonly connectionErrors: readonly string[];
}

interface ConfigFile {
  readonly hostnameOverride: string;
  readonly bindAddress: string;
  readonly portRange: string;
  readonly healthzBindAddress: string;
  readonly metricsBindAddress: string;
}

interface BehaviourFile {
  readonly stages: Readonly<
    Record<string, { readonly listen: readonly string[]; readonly checks?: readonly Omit<RecordedCheck, "gapMs">[] }>
  >;
  readonly errors?: readonly string[];
  readonly connectionErrors?: readonly string[];
}

type PlannedAct = { readonly sleepMs: number } | { readonly name: string; readonly gapMs?: number };

const goldenFolder = inProject("test", "golden", "kube-proxy-userspace");

/** Every recording, in order of name. */
export function userspaceRecordings(): readonly UserspaceRecording[] {
  return scenarioFolders(goldenFolder).map(readRecording);
}

function readRecording(folder: string): UserspaceRecording {
  const config = parse(readFileSync(join(folder, "config.yaml"), "utf8")) as ConfigFile;
  const { stages, errors = [], connectionErrors = [] } = readJson<BehaviourFile>(folder, "expected/behaviour.json");
  const { checks: planned } = readJson<{ checks: Record<string, readonly PlannedAct[]> }>(folder, "scenario.json");
  const { bindAddress, portRange, healthzBindAddress, metricsBindAddress } = config;
  const read = readScenario(folder).stages.map(({ name, snapshot }) => {
    const { listen, checks = [] } = stages[name]!;
    return { name, snapshot, listen, acts: actsOf(planned[name] ?? [], checks) };
  });
  assert.equal(read.length, Object.keys(stages).length, folder);
  return {
    name: basename(folder),
    nodeName: config.hostnameOverride,
    options: { bindAddress, portRange },
    ownServers: [healthzBindAddress, metricsBindAddress].map((at) => `tcp ${at.replace("0.0.0.0", "*")}`),
    stages: read,
    errors,
    connectionErrors,
  };
}

/** The checks in the order of the plan, with the pauses between them. */
function actsOf(
  planned: readonly PlannedAct[],
  checks: readonly Omit<RecordedCheck, "gapMs">[],
): RecordedStage["acts"] {
  const waiting = [...checks];
  const acts = planned.map((act) => {
    if ("sleepMs" in act) return act;
    const check = waiting.shift()!;
    assert.equal(check.check, act.name);
    return { ...check, gapMs: act.gapMs ?? 0 };
  });
  assert.deepEqual(waiting, []);
  return acts;
}

function readJson<T>(folder: string, file: string): T {
  return JSON.parse(readFileSync(join(folder, file), "utf8")) as T;
}
