import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { foldersIn, optionalText, readJson, readObjects, type RecordedObject, textOf } from "./recording-files.ts";

/** What was done at a step besides changing objects. */
export type Action =
  | { readonly action: "restart" | "cleanup" }
  | { readonly action: "exec"; readonly commands: readonly (readonly [string, ...string[]])[] }
  | { readonly action: "switch-mode"; readonly mode?: string };

/** A moment at which the kernel's rules were recorded. */
export interface RecordedStage {
  /** `00-initial`, or the step's name. */
  readonly name: string;
  readonly deleted: readonly string[];
  readonly applied: readonly RecordedObject[];
  readonly action: Action | undefined;
}

export interface NodeInterface {
  readonly name: string;
  readonly addresses: readonly string[];
}

/** A scenario of a real kube-proxy: what it was given, step by step, and where its rules lie. */
export interface Recording {
  readonly name: string;
  readonly folder: string;
  /** Where the dumps lie: by stage and mode in one folder, of one stage in a folder a mode, or by stage alone. */
  readonly layout: "scenario" | "cluster" | "one-mode";
  /** The modes it was recorded in. */
  readonly modes: readonly string[];
  readonly stages: readonly RecordedStage[];
  readonly config: string;
  readonly interfaces: readonly NodeInterface[];
  /** What iptables held before kube-proxy came: input for iptables-restore. */
  readonly iptablesBefore: string | undefined;
  /** Recorded with iptables' legacy back end. */
  readonly legacy: boolean;
  /** kube-proxy was left alone for so long before it was asked anything, in milliseconds. */
  readonly probeDelayMs: number;
  /** Its metrics were read. */
  readonly readsMetrics: boolean;
}

const plainNode: readonly NodeInterface[] = [{ name: "eth0", addresses: ["192.168.10.5/24", "fd00:192:168:10::5/64"] }];
const clusterNode: readonly NodeInterface[] = [
  { name: "eth0", addresses: ["192.168.77.2/24", "fd00:192:168:77::2/64"] },
];

/**
 * The folders of recordings that a path stands for, in order of name: itself, a cluster's states, or those of the
 * folders in it. Empty where there is none.
 */
export function findRecordings(path: string): readonly string[] {
  const own = recordingsOf(path);
  return own.length > 0 ? own : foldersIn(path).flatMap(recordingsOf);
}

function recordingsOf(folder: string): readonly string[] {
  if (existsSync(join(folder, "scenario.json")) || isClusterState(folder)) return [folder];
  return foldersIn(folder).filter(isClusterState);
}

/** What kube-proxy 1.36 made of a whole cluster, or of one of its later states: `expected-136`, `expected-136-after-…`. */
function isClusterState(folder: string): boolean {
  return /^expected-136(?:-|$)/.test(basename(folder)) && existsSync(join(folder, "..", "cluster.yaml"));
}

interface ScenarioFile {
  readonly name: string;
  readonly modes?: readonly string[];
  /** Instead of `modes` where there was but one. */
  readonly mode?: string;
  readonly steps: readonly string[];
  readonly iptables?: string;
  readonly probeDelayMs?: number;
  readonly metrics?: boolean;
  readonly setup?: { readonly interfaces?: readonly NodeInterface[]; readonly iptablesRestore?: string };
}

/** @throws {SluiceError} INPUT_INVALID where a file is missing or is not what it should be. */
export function readRecording(folder: string): Recording {
  return isClusterState(folder) ? readClusterState(folder) : readScenario(folder);
}

function readClusterState(folder: string): Recording {
  const cluster = join(folder, "..");
  const modes = foldersIn(folder).filter((one) => existsSync(join(one, "config.yaml")));
  const state = `cluster${basename(folder).slice("expected-136".length)}.yaml`;
  const objects = readObjects(cluster, existsSync(join(cluster, state)) ? state : "cluster.yaml");
  const applied = [...objects, ...readObjects(cluster, "servicecidrs.yaml", true)];
  return {
    name: `${basename(join(folder, ".."))} ${basename(folder)}`,
    folder,
    layout: "cluster",
    modes: modes.map((one) => basename(one)),
    stages: [{ name: "00-initial", deleted: [], applied, action: undefined }],
    config: textOf(modes[0] ?? folder, "config.yaml"),
    interfaces: clusterNode,
    iptablesBefore: undefined,
    legacy: false,
    probeDelayMs: 0,
    readsMetrics: false,
  };
}

function readScenario(folder: string): Recording {
  const scenario = readJson<ScenarioFile>(folder, "scenario.json");
  const steps = scenario.steps.map((name) => readStep(folder, name));
  return {
    name: scenario.name,
    folder,
    layout: scenario.modes === undefined ? "one-mode" : "scenario",
    modes: scenario.modes ?? [scenario.mode ?? ""],
    stages: [
      { name: "00-initial", deleted: [], applied: readObjects(folder, "objects.yaml"), action: undefined },
      ...steps,
    ],
    config: textOf(folder, "config.yaml"),
    interfaces: scenario.setup?.interfaces ?? plainNode,
    iptablesBefore: scenario.setup?.iptablesRestore,
    legacy: scenario.iptables === "legacy",
    probeDelayMs: scenario.probeDelayMs ?? 0,
    readsMetrics: scenario.metrics ?? false,
  };
}

/** What was recorded at a stage. @param artifact `iptables-save.txt`, `nft.txt`, … @returns undefined if it was not. */
export function expectedDump(recording: Recording, stage: string, mode: string, artifact: string): string | undefined {
  const files = {
    scenario: `expected/${stage}.${mode}.${artifact}`,
    cluster: `${mode}/${artifact}`,
    "one-mode": `expected/${stage}.${artifact}`,
  };
  return optionalText(recording.folder, files[recording.layout]);
}

function readStep(folder: string, name: string): RecordedStage {
  const action = `steps/${name}.action.json`;
  return {
    name,
    deleted: readObjects(folder, `steps/${name}.delete.yaml`, true).map(({ key }) => key),
    applied: readObjects(folder, `steps/${name}.apply.yaml`, true),
    action: optionalText(folder, action) === undefined ? undefined : readJson<Action>(folder, action),
  };
}
