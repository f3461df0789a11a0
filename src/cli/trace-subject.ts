import { planNode } from "../agent/plan.ts";
import type { Routing } from "../dataplane/emulated/netfilter/host-node.ts";
import type { KnownServices } from "../explain/asked-service.ts";
import { assembleNode, type NodeParts } from "../explain/assemble-node.ts";
import { partsOfProgram } from "../explain/node-of-program.ts";
import { withoutTablesOfIptables } from "../explain/tables-of-iptables.ts";
import { type PacketTrace, tracePacket, type TracePacketOptions } from "../explain/trace-packet.ts";
import { traceProxy } from "../explain/trace-proxy.ts";
import { buildModel } from "../model/build.ts";
import type { Model } from "../model/model.ts";
import type { NodePlan } from "../dataplane/dataplane.ts";
import type { ForwardTable } from "../modes/userspace/forward-table.ts";
import type { PacketHead } from "../dataplane/emulated/netfilter/packet.ts";
import type { Flow } from "../net/flow.ts";
import { configInvalid } from "../core/errors.ts";
import { compileFrom, loadNoted, ownNodeNoted } from "./cluster-input.ts";
import type { ClusterArguments } from "./cluster-options.ts";
import type { ModeArguments } from "./mode-options.ts";
import { type DumpArguments, hasRules, partsOfDumps, readDumps } from "./trace-dumps.ts";
import { readConntrackMax, readHost, readTcpLoose } from "./trace-live.ts";

export interface SubjectArguments extends ClusterArguments, ModeArguments, DumpArguments {
  readonly live?: boolean | undefined;
  /** How long after the dumps the packet comes, in seconds. */
  readonly later?: number | undefined;
  readonly conntrackMax?: number | undefined;
}

/** What a packet is traced through. */
export interface Subject {
  /** `mode iptables`, or which dumps. */
  readonly program: string;
  readonly services: KnownServices;
  /** Traces a packet; what was taken for granted about the node is among its assumptions. */
  trace(head: PacketHead, options: TracePacketOptions): PacketTrace;
}

/**
 * Reads what the arguments name: a cluster, dumps, or this host.
 *
 * @throws {SluiceError} INPUT_INVALID, CONFIG_INVALID.
 */
export async function readSubject(args: SubjectArguments): Promise<Subject> {
  const isDump = args.live === true || hasRules(args);
  const texts = await readDumps(args);
  const max = args.conntrackMax ?? (args.live === true ? await readConntrackMax() : undefined);
  const tcpLoose = args.live === true ? await readTcpLoose() : undefined;
  const dumps = {
    ...partsOfDumps(args.live === true ? { ...(await readHost()), ...texts } : texts),
    laterSeconds: args.later ?? 0,
    ...(max === undefined ? {} : { connectionsMax: max }),
    ...(tcpLoose === undefined ? {} : { tcpLoose }),
  };
  if (isDump) return subjectOf(dumpText(args), dumps, args.f === undefined ? undefined : await clusterOf(args));
  const { model, program } = await compileFrom(args);
  const cluster = { model, plan: planNode(model, args.mode) };
  const about = `mode ${args.mode}`;
  if (program.mode === "userspace") return proxySubject(about, program.table, cluster, dumps);
  return subjectOf(about, { ...partsOfProgram(program, cluster.plan), ...dumps }, cluster);
}

/** What a cluster's files say, and what that means on this node. */
interface Cluster {
  readonly model: Model;
  readonly plan: NodePlan;
}

function subjectOf(program: string, dumps: Partial<NodeParts>, cluster: Cluster | undefined): Subject {
  const own = withoutTablesOfIptables(dumps);
  const parts = { ...own, addresses: cluster?.plan.nodeAddresses ?? own.addresses ?? [] };
  const { node, assumptions } = assembleNode(parts);
  const trace: Subject["trace"] = (head, options) => assuming(assumptions, tracePacket(node, head, options));
  return { program, services: servicesOf(parts, node.routing, cluster), trace };
}

function servicesOf(parts: NodeParts, routing: Routing, cluster: Cluster | undefined): KnownServices {
  const { 4: ip4 = [], 6: ip6 = [] } = cluster?.model.servicePorts ?? {};
  return { parts, routing, frontends: cluster?.plan.frontends ?? [], servicePorts: [...ip4, ...ip6] };
}

/** The userspace mode, whose proxy is a process and no rule. */
function proxySubject(program: string, table: ForwardTable, cluster: Cluster, dumps: Partial<NodeParts>): Subject {
  const { plan } = cluster;
  const parts = { ...dumps, addresses: plan.nodeAddresses };
  const { node, assumptions } = assembleNode(parts);
  const { routing } = node;
  const trace: Subject["trace"] = (head, options) => {
    if (head.about !== undefined) throw configInvalid("--icmp-about", "a mode whose services are rules", program);
    return assuming(assumptions, traceProxy({ table, plan, routing }, head as Flow, options));
  };
  return { program, services: servicesOf(parts, routing, cluster), trace };
}

function assuming(assumptions: readonly string[], trace: PacketTrace): PacketTrace {
  return { ...trace, assumptions: [...assumptions, ...trace.assumptions] };
}

async function clusterOf(args: SubjectArguments): Promise<Cluster> {
  const snapshot = await loadNoted(args);
  const model = buildModel(snapshot, ownNodeNoted(snapshot, args));
  return { model, plan: planNode(model, args.mode) };
}

function dumpText({ live, iptablesSave, ip6tablesSave, nftJson, ipvs }: SubjectArguments): string {
  if (live === true) return "this host";
  return [iptablesSave, ip6tablesSave, nftJson, ipvs].filter((file) => file !== undefined).join(", ");
}
