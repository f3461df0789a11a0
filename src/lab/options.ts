import { availableParallelism } from "node:os";
import { ipvsSchedulers } from "../balancers/registry.ts";
import type { ClusterSnapshot } from "../cluster/state.ts";
import { systemClock } from "../core/clock.ts";
import { configInvalid } from "../core/errors.ts";
import { type Log, silentLog } from "../core/log.ts";
import { freshSeed } from "../core/random.ts";
import type { EngineName } from "../dataplane/workers/choose-engine.ts";
import { HEADER_BYTES, MAX_MESSAGE_BYTES } from "../measure/message.ts";
import type { Unit } from "../measure/result.ts";
import { readWorkName, workKinds, type WorkName } from "../measure/work.ts";
import { type PeerName, peerNames } from "./peers/peer.ts";
import type { ProgramOptions } from "../modes/compile.ts";
import { type Mode, modes } from "../modes/program.ts";

/** Options of a benchmark. */
export interface BenchOptions {
  readonly snapshot: ClusterSnapshot;
  /** Which Node we are, as `chooseOwnNode` says. */
  readonly nodeName: string;
  /**
   * What to compare, besides `direct`, which is always measured, twice: `userspace`, `iptables`, `nftables`, or `ipvs-` and
   * a scheduler, on an engine of its own with `@native` or `@node` behind it; or a peer, `nginx`, `haproxy`, `socat`.
   * @default userspace, iptables, ipvs-rr, ipvs-lc, ipvs-sed
   */
  readonly subjects?: readonly string[];
  /** Kinds of work, or a kind with `@` and a rate for an open loop. @default all of `workKinds` */
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
  /** `namespace/name` or `namespace/name:port`. @default the TCP and the UDP service port with the most endpoints */
  readonly service?: string;
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
export type SubjectSpec = ModeSubject | PeerSubject;

/** A mode on worker threads. */
interface ModeSubject {
  readonly name: string;
  readonly mode: Mode;
  /** Of mode ipvs. */
  readonly scheduler: string | undefined;
  /** What moves the bytes. Undefined: what all have. */
  readonly engine: EngineName | undefined;
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
  readonly budgetMs: number;
  readonly precision: number;
  readonly startedMs: number;
  readonly seed: number;
  readonly workers: number;
  /** Undefined: native where it is built. */
  readonly engine: EngineName | undefined;
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
const defaultSubjects = ["userspace", "iptables", "ipvs-rr", "ipvs-lc", "ipvs-sed"] as const;
/** The generator and the backends have a processor each, where there are so many; more threads than this only wait. */
const MOST_WORKERS = 4;

/** Worker threads of each dataplane on a host with so many processors. */
export function defaultWorkers(processors: number): number {
  return Math.min(Math.max(processors - 2, 1), MOST_WORKERS);
}

/** @throws {SluiceError} CONFIG_INVALID, naming the field. */
export function resolveBenchOptions(options: BenchOptions): ResolvedBenchOptions {
  const { subjects = defaultSubjects, works = workKinds, budgetMs = 80_000, messageBytes = 64 } = options;
  const { seed = freshSeed(), workers = defaultWorkers(availableParallelism()) } = options;
  const names = subjects.filter((name) => name !== "direct");
  return {
    subjects: unique("subjects", names).map(readSubject),
    works: unique("works", works).map(readWork),
    budgetMs: whole("budgetMs", budgetMs, 1, 86_400_000),
    precision: share("precision", options.precision ?? 0.02),
    startedMs: options.startedMs ?? systemClock.nowMs(),
    seed: whole("seed", seed, 0, 2 ** 32 - 1),
    workers: whole("workers", workers, 1, 64),
    engine: options.engine,
    messageBytes: whole("messageBytes", messageBytes, HEADER_BYTES, MAX_MESSAGE_BYTES),
    log: options.log ?? silentLog,
  };
}

/** The modes of subjects, each once. */
export function modesOf(subjects: readonly SubjectSpec[]): readonly Mode[] {
  return [...new Set(subjects.flatMap((subject) => ("mode" in subject ? [subject.mode] : [])))];
}

function readSubject(name: string): SubjectSpec {
  const peer = peerNames.find((one) => one === name);
  if (peer !== undefined) return { name, peer, version: "" };
  const plain = name.replace(ENGINE, "");
  if (!subjectNames.includes(plain) || peerNames.some((one) => one === plain)) {
    const expected = `some of direct, ${subjectNames.join(", ")}, modes also with @native or @node`;
    throw configInvalid("subjects", expected, name);
  }
  const engine = ENGINE.exec(name)?.[1] as EngineName | undefined;
  const mode = modes.find((one) => one === plain);
  if (mode !== undefined) return { name, mode, scheduler: undefined, engine };
  return { name, mode: "ipvs", scheduler: plain.slice("ipvs-".length), engine };
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
