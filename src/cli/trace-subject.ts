import { planNode } from "../agent/plan.ts";
import type { Frontend } from "../dataplane/dataplane.ts";
import { type AssembledNode, assembleNode, type NodeParts } from "../explain/assemble-node.ts";
import { partsOfProgram } from "../explain/node-of-program.ts";
import { withoutTablesOfIptables } from "../explain/tables-of-iptables.ts";
import { buildModel } from "../model/build.ts";
import type { Program } from "../modes/program.ts";
import type { NodePlan } from "../dataplane/dataplane.ts";
import { type ClusterArguments, compileFrom, loadNoted, ownNodeNoted } from "./cluster-options.ts";
import type { ModeArguments } from "./mode-options.ts";
import { type DumpArguments, hasRules, partsOfDumps, readDumps } from "./trace-dumps.ts";
import { readHost } from "./trace-live.ts";

export interface SubjectArguments extends ClusterArguments, ModeArguments, DumpArguments {
  readonly live?: boolean | undefined;
}

/** What a packet is traced through. */
export interface Subject {
  /** `mode iptables`, or which dumps. */
  readonly program: string;
  readonly assembled: AssembledNode;
  readonly parts: NodeParts;
  /** Of the cluster, where one was given. */
  readonly frontends: readonly Frontend[];
}

/** The userspace mode, whose proxy is a process and no rule. */
export interface ProxySubject {
  readonly userspace: { readonly program: Program; readonly plan: NodePlan };
}

/**
 * Reads what the arguments name: a cluster, dumps, or this host.
 *
 * @throws {SluiceError} INPUT_INVALID, CONFIG_INVALID.
 */
export async function readSubject(args: SubjectArguments): Promise<Subject | ProxySubject> {
  const isDump = args.live === true || hasRules(args);
  const dumps = partsOfDumps(
    args.live === true ? { ...(await readHost()), ...(await readDumps(args)) } : await readDumps(args),
  );
  if (isDump) return subjectOf(dumpText(args), dumps, args.f === undefined ? undefined : await planOf(args));
  const { model, program } = await compileFrom(args);
  const plan = planNode(model, args.mode);
  const compiled = partsOfProgram(program, plan);
  if (compiled === undefined) return { userspace: { program, plan } };
  return subjectOf(`mode ${args.mode}`, { ...compiled, ...dumps }, plan);
}

function subjectOf(program: string, dumps: Partial<NodeParts>, plan: NodePlan | undefined): Subject {
  const own = withoutTablesOfIptables(dumps);
  const parts = { ...own, addresses: plan?.nodeAddresses ?? own.addresses ?? [] };
  return { program, parts, assembled: assembleNode(parts), frontends: plan?.frontends ?? [] };
}

async function planOf(args: SubjectArguments): Promise<NodePlan> {
  const snapshot = await loadNoted(args);
  return planNode(buildModel(snapshot, ownNodeNoted(snapshot, args)), args.mode);
}

function dumpText({ live, iptablesSave, ip6tablesSave, nftJson, ipvs }: SubjectArguments): string {
  if (live === true) return "this host";
  return [iptablesSave, ip6tablesSave, nftJson, ipvs].filter((file) => file !== undefined).join(", ");
}
