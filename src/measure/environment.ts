import { readFileSync } from "node:fs";
import { availableParallelism, cpus, freemem, loadavg, release, totalmem, type as systemName } from "node:os";
import { basename, join, resolve } from "node:path";
import { calendarTime } from "../core/clock.ts";
import { ownPackage } from "../host/own-package.ts";
import { type Environment, quantity } from "./result.ts";

/**
 * Settings that bound how many connections and datagrams a host takes, and how soon a port can be had again; those of
 * nf_conntrack are there only where the kernel tracks connections.
 */
const sysctls = [
  "net.core.netdev_max_backlog",
  "net.core.rmem_default",
  "net.core.rmem_max",
  "net.core.somaxconn",
  "net.core.wmem_default",
  "net.core.wmem_max",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.tcp_congestion_control",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_max_syn_backlog",
  "net.ipv4.tcp_max_tw_buckets",
  "net.ipv4.tcp_rmem",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.tcp_tw_reuse",
  "net.ipv4.tcp_wmem",
  "net.netfilter.nf_conntrack_max",
] as const;

/** The host as it was when the measurement began; `environmentSince` completes it. */
export interface EnvironmentStart {
  readonly startedAt: string;
  readonly loadBefore: number;
  readonly ticks: CpuTicks | undefined;
}

/** Time of all processors since boot, in ticks. */
interface CpuTicks {
  readonly all: number;
  readonly stolen: number;
}

export function environmentStart(): EnvironmentStart {
  return { startedAt: calendarTime(), loadBefore: loadavg()[0]!, ticks: readTicks() };
}

/**
 * What a reader needs to judge the figures, or to get them again. What this host does not tell is null.
 *
 * @param engine what moved the bytes, and how ports were served.
 */
export function environmentSince(start: EnvironmentStart, engine: string): Environment {
  const { folder: packageFolder, version } = ownPackage();
  return {
    startedAt: start.startedAt,
    sluiceVersion: version,
    gitCommit: readGitCommit(packageFolder) ?? null,
    commandLine: [basename(process.argv[1] ?? ""), ...process.argv.slice(2)],
    nodeVersion: process.version,
    engine,
    system: `${systemName()} ${release()} ${process.arch}`,
    cpuModel: cpus()[0]?.model ?? null,
    cpuGovernor: readLine("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
    sysctls: Object.fromEntries(sysctls.map((name) => [name, readSysctl(name)])),
    versions: { v8: process.versions.v8, libuv: process.versions.uv },
    processors: quantity(availableParallelism(), "1"),
    memoryTotal: quantity(Math.round(totalmem() / 2 ** 20), "MiB"),
    memoryFree: quantity(Math.round(freemem() / 2 ** 20), "MiB"),
    loadAverageBefore: quantity(start.loadBefore, "1"),
    loadAverageAfter: quantity(loadavg()[0]!, "1"),
    stolenTime: quantity(stolenShare(start.ticks, readTicks()), "1", "unknown"),
  };
}

/** The share of processor time that the hypervisor gave to others in between. */
function stolenShare(before: CpuTicks | undefined, after: CpuTicks | undefined): number | undefined {
  if (before === undefined || after === undefined || after.all === before.all) return undefined;
  return (after.stolen - before.stolen) / (after.all - before.all);
}

/** The first line of /proc/stat: user nice system idle iowait irq softirq steal; guest time is in user already. */
function readTicks(): CpuTicks | undefined {
  const line = readText("/proc/stat")?.split("\n")[0];
  if (line === undefined || !line.startsWith("cpu ")) return undefined;
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  return { all: ticks.reduce((sum, n) => sum + n, 0), stolen: ticks[7] ?? 0 };
}

/**
 * The commit that is checked out in a folder, read from git's own files.
 *
 * @returns undefined when the folder is not the root of a checkout.
 */
export function readGitCommit(folder: string): string | undefined {
  const dotGit = join(folder, ".git");
  // In a worktree `.git` is a file that names the folder, and branches lie in the common folder that one names.
  const link = /^gitdir: (.*)/.exec(readText(dotGit) ?? "")?.[1];
  const gitFolder = link === undefined ? dotGit : resolve(folder, link);
  const head = readText(join(gitFolder, "HEAD"))?.trim();
  if (head === undefined) return undefined;
  const branch = /^ref: (.*)$/.exec(head)?.[1];
  if (branch === undefined) return head;
  const common = resolve(gitFolder, readText(join(gitFolder, "commondir"))?.trim() ?? ".");
  const loose = readText(join(common, branch))?.trim();
  if (loose !== undefined) return loose;
  const packed = readText(join(common, "packed-refs")) ?? "";
  return packed
    .split("\n")
    .find((line) => line.endsWith(` ${branch}`))
    ?.split(" ")[0];
}

/** Words stand apart by one blank, where the kernel puts tabs. */
function readSysctl(name: string): string | null {
  return readLine(join("/proc/sys", ...name.split(".")))?.replaceAll(/\s+/g, " ") ?? null;
}

function readLine(file: string): string | null {
  return readText(file)?.trim() ?? null;
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // Not there, not ours to read, or a folder: unknown, and reported as unknown.
    return undefined;
  }
}
