import { hostname } from "node:os";
import { fileURLToPath } from "node:url";
import { loadCluster, type LoadedCluster } from "../cluster/load.ts";
import { chooseOwnNode, type OwnNode } from "../cluster/own-node.ts";
import type { ClusterSnapshot } from "../cluster/state.ts";
import { buildModel } from "../model/build.ts";
import type { Model } from "../model/model.ts";
import { compileProgram } from "../modes/compile.ts";
import type { Program } from "../modes/program.ts";
import type { ClusterArguments } from "./cluster-options.ts";
import { namingFlags } from "./flag.ts";
import { type ModeArguments, programOptions } from "./mode-options.ts";

/** The cluster that ships with the package. */
export const exampleCluster = fileURLToPath(new URL("../../examples/boutique.yaml", import.meta.url));

/** Says on stderr what a user has to know about what was read. */
export function note(text: string): void {
  process.stderr.write(`sluice: ${text}\n`);
}

/** Loads the cluster, and says what was passed over. */
export async function loadNoted(args: ClusterArguments): Promise<ClusterSnapshot> {
  return (await loadFilesNoted(args)).snapshot;
}

/** The same, with the files that it was loaded from. */
export async function loadFilesNoted({ f = [exampleCluster] }: ClusterArguments): Promise<LoadedCluster> {
  const loaded = await loadCluster(f);
  const kinds = [...loaded.ignored].map(([kind, count]) => `${count} ${kind}`);
  if (kinds.length > 0) note(`passed over, since no node's proxy reads them: ${kinds.join(", ")}`);
  noteIfNoService(loaded.snapshot);
  return loaded;
}

/** Nothing to do is more often a mistake than what is meant. */
export function noteIfNoService({ services }: ClusterSnapshot): void {
  if (services.length === 0) note("no Service in the input");
}

/** Which Node we are. */
export function ownNode(snapshot: ClusterSnapshot, { hostnameOverride }: ClusterArguments): OwnNode {
  const override = hostnameOverride === undefined ? {} : { hostnameOverride };
  try {
    return chooseOwnNode(snapshot, { ...override, hostname: hostname() });
  } catch (error) {
    throw namingFlags(error, { hostnameOverride: "--hostname-override" });
  }
}

/** The name of the Node that we are; says so where it was not told. */
export function ownNodeNoted(snapshot: ClusterSnapshot, args: ClusterArguments): string {
  const { name, reason } = ownNode(snapshot, args);
  if (reason !== "") note(reason);
  return name;
}

/** Cluster → model → program, as the arguments say. */
export async function compileFrom(args: ClusterArguments & ModeArguments): Promise<{ model: Model; program: Program }> {
  const snapshot = await loadNoted(args);
  const model = buildModel(snapshot, ownNodeNoted(snapshot, args));
  return { model, program: compileProgram(args.mode, model, programOptions(args)) };
}
