import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { parseObjects } from "../../src/cluster/parse.ts";
import type { ClusterObject } from "../../src/cluster/objects.ts";
import { type ClusterSnapshot, objectKey, snapshotOf } from "../../src/cluster/state.ts";
import type { Model } from "../../src/model/model.ts";
import { parseIp } from "../../src/net/ip.ts";

/** The file that says what a scenario is. */
interface ScenarioFile {
  readonly steps: readonly string[];
  readonly setup?: {
    readonly interfaces?: readonly { readonly name: string; readonly addresses: readonly string[] }[];
  };
}

/** One moment at which the rules were recorded. */
interface Stage {
  /** `00-initial` or the name of a step. */
  readonly name: string;
  /** What was done to the host and not to the objects, if anything: `restart`, `exec`, … */
  readonly action: string | undefined;
  readonly snapshot: ClusterSnapshot;
}

export interface Scenario {
  readonly folder: string;
  readonly stages: readonly Stage[];
  /** The node's own addresses, with prefix lengths, where they are not those of its Node object. */
  readonly addresses: readonly string[] | undefined;
}

/** Reads a recorded scenario: the objects at its start, and after each of its steps. */
export function readScenario(folder: string): Scenario {
  const { steps, setup } = JSON.parse(readFileSync(join(folder, "scenario.json"), "utf8")) as ScenarioFile;
  const objects = new Map<string, ClusterObject>();
  apply(objects, join(folder, "objects.yaml"));
  const stages: Stage[] = [{ name: "00-initial", action: undefined, snapshot: snapshotOf(objects.values()) }];
  for (const name of steps) {
    const file = (kind: string): string => join(folder, "steps", `${name}.${kind}`);
    for (const key of deletedKeys(file("delete.yaml"))) objects.delete(key);
    apply(objects, file("apply.yaml"));
    stages.push({ name, action: actionOf(file("action.json")), snapshot: snapshotOf(objects.values()) });
  }
  return { folder, stages, addresses: setup?.interfaces?.flatMap(({ addresses }) => addresses) };
}

/** The objects of one file. */
export function readObjects(file: string): readonly ClusterObject[] {
  return parseObjects(readFileSync(file, "utf8"), file).objects;
}

/** The folders of all scenarios in a folder, in order of name. */
export function scenarioFolders(parent: string): readonly string[] {
  const entries = readdirSync(parent, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(parent, name))
    .sort();
}

/** The model with the addresses that the node had besides what its Node object says. */
export function withAddresses(model: Model, addresses: Scenario["addresses"]): Model {
  if (addresses === undefined) return model;
  const ips = addresses.map((text) => parseIp(text.slice(0, text.indexOf("/"))));
  return { ...model, node: { ...model.node, addresses: ips } };
}

function apply(objects: Map<string, ClusterObject>, file: string): void {
  if (!existsSync(file)) return;
  for (const object of readObjects(file)) objects.set(objectKey(object), object);
}

function deletedKeys(file: string): readonly string[] {
  if (!existsSync(file)) return [];
  return parseAllDocuments(readFileSync(file, "utf8")).map((document) => {
    const { kind, metadata } = document.toJS() as { kind: string; metadata: { namespace?: string; name: string } };
    return `${kind}/${metadata.namespace ?? ""}/${metadata.name}`;
  });
}

function actionOf(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  return (JSON.parse(readFileSync(file, "utf8")) as { action: string }).action;
}
