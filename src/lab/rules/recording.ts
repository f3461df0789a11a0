import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { isMap, parseAllDocuments } from "yaml";
import { decodeUtf8 } from "../../cluster/decode-utf8.ts";
import { inputInvalid } from "../../cluster/input-invalid.ts";
import type { SluiceError } from "../../core/errors.ts";

/** One object as the API server holds it. */
export interface RecordedObject {
  /** `apiVersion/kind/namespace/name`. */
  readonly key: string;
  readonly object: unknown;
}

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
  /** The modes it was recorded in. */
  readonly modes: readonly string[];
  readonly stages: readonly RecordedStage[];
  readonly config: string;
  readonly interfaces: readonly NodeInterface[];
  /** What iptables held before kube-proxy came: input for iptables-restore. */
  readonly iptablesBefore: string | undefined;
  /** Recorded with iptables' legacy back end. */
  readonly legacy: boolean;
}

const plainNode: readonly NodeInterface[] = [{ name: "eth0", addresses: ["192.168.10.5/24", "fd00:192:168:10::5/64"] }];

/** A folder with a scenario.json, or the folders with one in it, in order of name. Empty where there is none. */
export function findRecordings(path: string): readonly string[] {
  if (existsSync(join(path, "scenario.json"))) return [path];
  const isFolder = existsSync(path) && statSync(path).isDirectory();
  const entries = isFolder ? readdirSync(path, { withFileTypes: true }) : [];
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name));
  return folders.filter((folder) => existsSync(join(folder, "scenario.json"))).sort();
}

interface ScenarioFile {
  readonly name: string;
  readonly modes: readonly string[];
  readonly steps: readonly string[];
  readonly iptables?: string;
  readonly setup?: { readonly interfaces?: readonly NodeInterface[]; readonly iptablesRestore?: string };
}

/** @throws {SluiceError} INPUT_INVALID where a file is missing or is not what it should be. */
export function readRecording(folder: string): Recording {
  const scenario = readJson<ScenarioFile>(folder, "scenario.json");
  const steps = scenario.steps.map((name) => readStep(folder, name));
  return {
    name: scenario.name,
    folder,
    modes: scenario.modes,
    stages: [
      { name: "00-initial", deleted: [], applied: readObjects(folder, "objects.yaml"), action: undefined },
      ...steps,
    ],
    config: textOf(folder, "config.yaml"),
    interfaces: scenario.setup?.interfaces ?? plainNode,
    iptablesBefore: scenario.setup?.iptablesRestore,
    legacy: scenario.iptables === "legacy",
  };
}

/** What was recorded at a stage. @param artifact `iptables-save.txt`, `nft.txt`, … @returns undefined if it was not. */
export function expectedDump(recording: Recording, stage: string, mode: string, artifact: string): string | undefined {
  return optionalText(recording.folder, `expected/${stage}.${mode}.${artifact}`);
}

/** Whether the kernel refused a sync of kube-proxy's: the family concerned then stayed without rules. */
export function wasRefused({ folder }: Recording, mode: string): boolean {
  const file = `expected/state.${mode}.json`;
  if (optionalText(folder, file) === undefined) return false;
  const { errors = [] } = readJson<{ readonly errors?: readonly string[] }>(folder, file);
  return errors.some((line) => /sync failed|Failed to execute iptables-restore/.test(line));
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

/** Our own recorder wrote it: its shape is not checked further. */
function readJson<T>(folder: string, file: string): T {
  try {
    return JSON.parse(textOf(folder, file)) as T;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw invalid(folder, file, "JSON", error.message);
  }
}

function readObjects(folder: string, file: string, optional = false): readonly RecordedObject[] {
  const text = optional ? optionalText(folder, file) : textOf(folder, file);
  const documents = text === undefined ? [] : parseAllDocuments(text);
  return [...documents].flatMap((document) => {
    if (document.errors.length > 0) throw invalid(folder, file, "YAML", document.errors[0]!.message);
    if (!isMap(document.contents)) return [];
    return flattened(document.toJS() as ObjectHead).map((object) => ({ key: keyOf(object), object }));
  });
}

interface ObjectHead {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: { readonly namespace?: string; readonly name?: string };
  readonly items?: readonly ObjectHead[];
}

function flattened(object: ObjectHead): readonly ObjectHead[] {
  return object.kind?.endsWith("List") === true ? (object.items ?? []) : [object];
}

function keyOf({ apiVersion, kind, metadata }: ObjectHead): string {
  return [apiVersion, kind, metadata?.namespace ?? "", metadata?.name].join("/");
}

function textOf(folder: string, file: string): string {
  const text = optionalText(folder, file);
  if (text === undefined) throw invalid(folder, file, "a file of a recorded scenario", "no such file");
  return text;
}

function optionalText(folder: string, file: string): string | undefined {
  const path = join(folder, file);
  if (existsSync(path)) return decodeUtf8(readFileSync(path), path);
  return existsSync(`${path}.gz`) ? decodeUtf8(gunzipSync(readFileSync(`${path}.gz`)), path) : undefined;
}

function invalid(folder: string, file: string, expected: string, received: string): SluiceError<"INPUT_INVALID"> {
  const place = { line: undefined, column: undefined, field: "" };
  return inputInvalid({ file: join(folder, file), ...place, expected, received });
}
