import { availableParallelism } from "node:os";
import { ipvsSchedulers } from "../balancers/ipvs-schedulers.ts";
import type { ClusterSnapshot } from "../cluster/state.ts";
import { systemClock } from "../core/clock.ts";
import { configInvalid } from "../core/errors.ts";
import { type Log, silentLog } from "../core/log.ts";
import { freshSeed } from "../core/random.ts";
import type { EngineName } from "../dataplane/workers/choose-engine.ts";
import type { GeneratorName } from "../measure/load/generator.ts";
import { HEADER_BYTES, MAX_MESSAGE_BYTES } from "../measure/message.ts";
import type { Unit } from "../measure/result.ts";
import { readWorkName, workKinds, type WorkName, workOf } from "../measure/work.ts";
import { type PeerName, peerNames } from "./peers/peer.ts";
import type { ProgramOptions } from "../modes/compile.ts";
import type { IptablesVariant } from "../host/iptables.ts";
import { UDP } from "../net/flow.ts";
import { type Mode, modes } from "../modes/program.ts";

/** What a plan measures: the rates of works; or what becomes of requests while endpoints fail; or how connections are shared out. */
export const planKinds = ["works", "faults", "balance"] as const;
export type PlanKind = (typeof planKinds)[number];

/** Options of a benchmark. */
export interface BenchOptions {
  /** @default works */
  readonly kind?: PlanKind;
  readonly snapshot: ClusterSnapshot;
  /** Which Node we are, as `chooseOwnNode` says. */
  readonly nodeName: string;
  /**
   * What to compare, besides `direct`, which is always measured, twice: `userspace`, `iptables`, `nftables`, or `ipvs-` and
   * a scheduler, on an engine of its own with `@native` or `@node` behind it, in a kernel with `@kernel`, where mode
   * iptables also takes `@kernel-nft` and `@kernel-legacy`, in memory and without traffic with `@emulated`; or a peer, `nginx`, `haproxy`, `socat`.
   * @default userspace, iptables, ipvs-rr, ipvs-lc, ipvs-sed
   */
  readonly subjects?: readonly string[];
  /** Kinds of work, or a kind with `@` and a rate for an open loop. @default the first four of `workKinds` */
  readonly works?: readonly string[];
  /** How long the whole run may take, in milliseconds: block lengths follow from it, and it ends the run. @default 80_000 */
  readonly budgetMs?: number;
  /**
   * The run ends before its budget when every ratio's interval reaches at most so far to each side: 0.02 is 2 % of the
   * ratio. 0: never. @default 0.02
   */
  readonly precision?: number;
  /** Since when the budget runs, on the system clock. @default now */
  readonly startedMs?: number;
  /** Of the order of slices, of the dataplanes' random choices and of the intervals, 0…2³² − 1. @default a fresh one */
  readonly seed?: number;
  /** Worker threads of each dataplane, 1…64. @default two less than the host has processors, 1…4 */
  readonly workers?: number;
  /** What moves the bytes of each dataplane. @default native where it is built */
  readonly engine?: EngineName;
  /** What makes the load. @default native where it is built */
  readonly generator?: GeneratorName;
  /** A kube-proxy binary to measure beside the subjects, in a kernel that it programs by itself. @default none */
  readonly kubeProxy?: string;
  /** `namespace/name` or `namespace/name:port`. @default the TCP and the UDP service port with the most endpoints */
  readonly service?: string;
  /**
   * Numbers of services, 2…30_000, in rising order: clusters of these sizes are generated in place of the snapshot, and
   * every subject is measured at each. They are kernels' subjects then. @default none: the snapshot is measured
   */
  readonly services?: readonly number[];
  /** Size of a request and of its answer, 16…60_000. @default 64 */
  readonly messageBytes?: number;
  /** Options of the modes' compilers; the scheduler is set by the subject. @default {} */
  readonly programs?: ProgramOptions;
  /** @default silent */
  readonly log?: Log;
  /** Stops the measurement; the blocks that are whole are the result. */
  readonly signal?: AbortSignal;
  /** For a line on a terminal; called after each slice. */
  readonly onProgress?: (progress: Progress) => void;
}

export interface Progress {
  /** Slices. */
  readonly done: number;
  readonly total: number;
  /** Judged by the slices so far. */
  readonly secondsLeft: number;
  /** Every subject doing every work, with its rates of the blocks so far. */
  readonly cells: readonly ProgressCell[];
}

interface ProgressCell {
  readonly subject: string;
  readonly work: string;
  readonly unit: Unit;
  readonly rates: readonly number[];
}

/** Something to measure. */
export type SubjectSpec = TrafficSubject | EmulatedSubject;
/** What carries packets, and so is done works with. */
export type TrafficSubject = ModeSubject | KernelSubject | KubeProxySubject | PeerSubject;

/** What we start by ourselves. */
export type OwnSubject = Exclude<TrafficSubject, KubeProxySubject>;

/** A mode on worker threads. */
interface ModeSubject {
  readonly name: string;
  readonly mode: Mode;
  /** Of mode ipvs. */
  readonly scheduler: string | undefined;
  /** What moves the bytes. Undefined: what all have. */
  readonly engine: EngineName | undefined;
}

/** A mode's rules in a kernel. */
export interface KernelSubject {
  readonly name: string;
  readonly mode: Mode;
  readonly scheduler: string | undefined;
  readonly kernel: {
    /** Undefined: whichever `iptables` is. */
    readonly iptables: IptablesVariant | undefined;
  };
}

/** A real kube-proxy: the rules in a kernel are its own. */
export interface KubeProxySubject {
  readonly name: string;
  readonly mode: "iptables";
  readonly scheduler: undefined;
  /** The path of the binary. */
  readonly kubeProxy: string;
}

/** A mode's program in memory: it decides packets, and carries none. */
export interface EmulatedSubject {
  readonly name: string;
  readonly mode: Mode;
  readonly scheduler: string | undefined;
  readonly emulated: true;
}

/** Another program that forwards. */
interface PeerSubject {
  readonly name: string;
  readonly peer: PeerName;
  /** What it says of itself; empty before it was asked. */
  readonly version: string;
}

/** The same options, read, with every default filled in. */
export interface ResolvedBenchOptions {
  readonly subjects: readonly SubjectSpec[];
  readonly works: readonly WorkName[];
  readonly services: readonly number[];
  readonly budgetMs: number;
  readonly precision: number;
  readonly startedMs: number;
  readonly seed: number;
  readonly workers: number;
  /** Undefined: native where it is built. */
  readonly engine: EngineName | undefined;
  /** Undefined: native where it is built. */
  readonly generator: GeneratorName | undefined;
  readonly messageBytes: number;
  readonly log: Log;
}

/** Names that `subjects` takes. */
export const subjectNames: readonly string[] = [
  "userspace",
  "iptables",
  "nftables",
  ...ipvsSchedulers.map((name) => `ipvs-${name}`),
  ...peerNames,
];
/** Behind the name of a mode. */
const ENGINE = /@(native|node)$/;
const KERNEL = /@kernel(-nft|-legacy)?$/;
const EMULATED = /@emulated$/;
const variants: Readonly<Record<string, IptablesVariant>> = { "-nft": "nf_tables", "-legacy": "legacy" };
const defaultSubjects = ["userspace", "iptables", "ipvs-rr", "ipvs-lc", "ipvs-sed"] as const;
const defaultWorks: readonly string[] = workKinds.slice(0, 4);
/** The generator and the backends have a processor each, where there are so many; more threads than this only wait. */
const MOST_WORKERS = 4;

/** Worker threads of each dataplane on a host with so many processors. */
export function defaultWorkers(processors: number): number {
  return Math.min(Math.max(processors - 2, 1), MOST_WORKERS);
}

/** @throws {SluiceError} CONFIG_INVALID, naming the field. */
export function resolveBenchOptions(options: BenchOptions): ResolvedBenchOptions {
  const { subjects = defaultSubjects, works = defaultWorks, budgetMs = 80_000, messageBytes = 64 } = options;
  const { seed = freshSeed(), workers = defaultWorkers(availableParallelism()) } = options;
  const names = subjects.filter((name) => name !== "direct");
  const specs = [...unique("subjects", names).map(readSubject), ...kubeProxyOf(options)];
  const { services = [] } = options;
  const reads = unique("works", works).map(readWork);
  if (services.length > 0) requireScalable(specs, reads);
  if ((options.kind ?? "works") !== "works") requireTraffic(specs);
  refuseUnused(options);
  return {
    subjects: specs,
    works: reads,
    services: readSizes(services),
    budgetMs: whole("budgetMs", budgetMs, 1, 86_400_000),
    precision: share("precision", options.precision ?? 0.02),
    startedMs: options.startedMs ?? systemClock.nowMs(),
    seed: whole("seed", seed, 0, 2 ** 32 - 1),
    workers: whole("workers", workers, 1, 64),
    engine: options.engine,
    generator: options.generator,
    messageBytes: whole("messageBytes", messageBytes, HEADER_BYTES, MAX_MESSAGE_BYTES),
    log: options.log ?? silentLog,
  };
}

/** Those that works are done with. */
export function trafficSubjects(subjects: readonly SubjectSpec[]): readonly TrafficSubject[] {
  return subjects.filter((spec): spec is TrafficSubject => !("emulated" in spec));
}

/** The modes of subjects, each once. */
export function modesOf(subjects: readonly SubjectSpec[]): readonly Mode[] {
  return [...new Set(subjects.flatMap((subject) => ("mode" in subject ? [subject.mode] : [])))];
}

function readSubject(name: string): SubjectSpec {
  const peer = peerNames.find((one) => one === name);
  if (peer !== undefined) return { name, peer, version: "" };
  const kernel = KERNEL.exec(name);
  const plain = name.replace(ENGINE, "").replace(KERNEL, "").replace(EMULATED, "");
  const isOther = !subjectNames.includes(plain) || peerNames.some((one) => one === plain);
  if (isOther || (kernel?.[1] !== undefined && plain !== "iptables")) {
    const behind = "modes also with @native, @node, @kernel or @emulated, iptables with @kernel-nft or @kernel-legacy";
    throw configInvalid("subjects", `some of direct, ${subjectNames.join(", ")}; ${behind}`, name);
  }
  const own = modes.find((one) => one === plain);
  const how =
    own === undefined
      ? ({ mode: "ipvs", scheduler: plain.slice("ipvs-".length) } as const)
      : { mode: own, scheduler: undefined };
  if (kernel !== null) return { name, ...how, kernel: { iptables: variants[kernel[1] ?? ""] } };
  if (EMULATED.test(name)) return { name, ...how, emulated: true };
  return { name, ...how, engine: ENGINE.exec(name)?.[1] as EngineName | undefined };
}

/** @throws {SluiceError} CONFIG_INVALID where its cluster would have to change, or to be made. */
function kubeProxyOf({ kubeProxy, kind = "works", services = [] }: BenchOptions): readonly KubeProxySubject[] {
  if (kubeProxy === undefined) return [];
  if (kind !== "works") throw configInvalid("kubeProxy", `none in a plan of ${kind}`, kubeProxy);
  if (services.length > 0) throw configInvalid("kubeProxy", "none where services are numbered", kubeProxy);
  return [{ name: "kube-proxy", mode: "iptables", scheduler: undefined, kubeProxy }];
}

/** Endpoints that fail or change are told by the answers of those that are left. */
function requireTraffic(specs: readonly SubjectSpec[]): void {
  const other = specs.find((spec) => "emulated" in spec);
  if (other !== undefined) throw configInvalid("subjects", "subjects that carry traffic, in this plan", other.name);
}

/** What a plan does nothing with is refused, or its result would look as if it had. */
function refuseUnused({ kind = "works", works, services = [] }: BenchOptions): void {
  if (kind === "works") return;
  if (services.length > 0) throw configInvalid("services", `none in a plan of ${kind}`, services.join(","));
  if (kind === "faults" && works !== undefined)
    throw configInvalid("works", "none in a plan of faults", works.join(", "));
}

/** Only what has rules grows with them. */
function requireScalable(specs: readonly SubjectSpec[], works: readonly WorkName[]): void {
  const other = specs.find((spec) => !("kernel" in spec) || spec.mode === "userspace");
  if (other !== undefined)
    throw configInvalid("subjects", "modes with @kernel, where services are numbered", other.name);
  const udp = works.find((work) => workOf(work).proto === UDP);
  if (udp !== undefined) throw configInvalid("works", "works over TCP, where services are numbered", udp);
}

function readSizes(services: readonly number[]): readonly number[] {
  for (const size of services) whole("services", size, 2, 30_000);
  return unique("services", services.map(String))
    .map(Number)
    .toSorted((a, b) => a - b);
}

function readWork(name: string): WorkName {
  const work = readWorkName(name);
  if (work !== undefined) return work;
  const expected = `some of ${workKinds.join(", ")}, all but tcp-bulk also with @RATE, a whole number of requests a second`;
  throw configInvalid("works", expected, name);
}

function unique(path: string, names: readonly string[]): readonly string[] {
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw configInvalid(path, "each name once", twice);
  if (names.length === 0 && path === "works") throw configInvalid(path, "at least one", names);
  return names;
}

function share(path: string, value: number): number {
  if (!(value >= 0 && value <= 1)) throw configInvalid(path, "0…1", value);
  return value;
}

function whole(path: string, value: number, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw configInvalid(path, `a whole number in ${min}…${max}`, value);
  }
  return value;
}
