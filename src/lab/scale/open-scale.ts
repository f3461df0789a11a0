import type { Log } from "../../core/log.ts";
import type { IptablesVariant } from "../../host/iptables.ts";
import type { BalancePromise } from "../../measure/balance.ts";
import { type EchoBackends, startEchoBackends } from "../../measure/echo/backends.ts";
import type { LoadTarget } from "../../measure/load/task.ts";
import type { Unmeasured } from "../../measure/result.ts";
import { formatSocketAddr, type SocketAddr } from "../../net/flow.ts";
import { formatIp, type Ip, parseIp } from "../../net/ip.ts";
import type { ServiceInfo } from "../../measure/distribution.ts";
import { programmerOf } from "../network/kernel-subject.ts";
import { podPrefixes } from "../network/links.ts";
import { type Network, openNetwork } from "../network/network.ts";
import type { OpenSubject } from "../open-subjects.ts";
import type { KernelSubject, ResolvedBenchOptions } from "../options.ts";
import { ENDPOINTS } from "./cluster.ts";
import { repeatFullSyncs } from "./full-syncs.ts";
import { type Synced, syncBudgetMs, syncInProcess, type SyncOutcome, type SyncRequest } from "./sync.ts";

/** A subject at one number of services. */
export interface OpenPoint {
  readonly subject: string;
  /** The subject without the number. */
  readonly like: string;
  readonly services: number;
  readonly synced: Synced;
  /** In milliseconds, one a time. */
  readonly fullSyncsMs: readonly number[];
}

/** Everything that a run over numbers of services needs, but for the generator. */
export interface OpenScale {
  readonly network: Network;
  readonly echoes: EchoBackends;
  readonly subjects: readonly OpenSubject[];
  readonly points: readonly OpenPoint[];
  readonly service: ServiceInfo;
  readonly unmeasured: readonly Unmeasured[];
  /** What programmed the kernel, each once. */
  readonly engines: readonly string[];
}

/** From so many services on iptables' nf_tables back end takes minutes to load what the legacy one loads in seconds. */
const LEGACY_FROM = 10_000;
const PORT = 8080;
const STOPPED = { reason: "it was stopped" } as const;

/**
 * Opens a network with a node for each subject at each number of services, all with rules in force.
 *
 * @param opened is told of whatever has to be closed, as soon as it is there.
 * @throws {SluiceError} HOST_UNABLE where this host cannot have namespaces.
 */
export async function openScale(
  { subjects: specs, services: sizes, seed, log }: ResolvedBenchOptions,
  signal: AbortSignal | undefined,
  opened: (one: { close(): Promise<void> }) => void,
): Promise<OpenScale> {
  const addrs = Array.from({ length: ENDPOINTS }, (_, at): SocketAddr => {
    return { ip: parseIp(`${podPrefixes[0]}.100.${100 + at}`), port: PORT };
  });
  const hosts = addrs.map(({ ip }) => formatIp(ip));
  const network = await openNetwork(`sluice-${process.pid}-scale`, hosts);
  opened(network);
  const echoes = await startEchoBackends(
    hosts.map((host) => ({ protocol: "tcp", host, port: PORT })),
    network.pods,
  );
  opened(echoes);
  const bare = await network.addNode();
  const bareSubject = (name: string, what: string): OpenSubject => ({
    subject: { name, targets: { tcp: addrs.map(targetOf), udp: [] }, enter: bare.enter },
    info: { what, promiseOf: () => ({ kind: "none" }) },
  });
  const direct = [
    bareSubject("direct", "no proxy: the client goes to the endpoints by itself, in turn"),
    bareSubject("direct-again", "direct once more, as a control of the noise"),
  ];
  const synced: SyncedPoint[] = [];
  const unmeasured: Unmeasured[] = [];
  for (const spec of specs as readonly KernelSubject[]) {
    const variant = spec.kernel.iptables ?? (Math.max(...sizes) >= LEGACY_FROM ? "legacy" : undefined);
    for (const services of sizes) {
      if (signal?.aborted === true) break;
      const subject = `${spec.name}:${services}`;
      const point = { subject, spec, services, variant, seed, addrs };
      tellBudget(log, subject, syncBudgetMs(services));
      const outcome = await syncPoint(network, point, signal).catch((error: unknown) => {
        // A terminal's Ctrl-C ends the commands that run, too.
        if (signal?.aborted !== true) throw error;
        return STOPPED;
      });
      if ("reason" in outcome) unmeasured.push({ subject, reason: outcome.reason });
      else synced.push(outcome.answer);
    }
  }
  const again = { name: `sluice-${process.pid}-scale-again`, seed, log, signal };
  const fullSyncsMs = await repeatFullSyncs(
    synced.map(({ request, point }) => ({ request, fullMs: point.synced.full.ms })),
    again,
  );
  const points = synced.map(({ point }, at) => ({ ...point, fullSyncsMs: fullSyncsMs[at]! }));
  const service = serviceOf(points[0]?.synced.targets[0] ?? addrs[0]!, addrs);
  const engines = [...new Set(synced.map(({ engine }) => engine))];
  const rest = { subjects: [...direct, ...synced.map(({ open }) => open)], points, service, unmeasured, engines };
  return { network, echoes, ...rest };
}

/** A subject at one number of services, its rules in force. */
interface SyncedPoint {
  readonly request: SyncRequest;
  readonly open: OpenSubject;
  readonly point: Omit<OpenPoint, "fullSyncsMs">;
  readonly engine: string;
}

interface PointToSync {
  readonly subject: string;
  readonly spec: KernelSubject;
  readonly services: number;
  readonly variant: IptablesVariant | undefined;
  readonly seed: number;
  readonly addrs: readonly SocketAddr[];
}

/** @returns in words, too, what this host cannot do. */
async function syncPoint(
  network: Network,
  { subject, spec, services, variant, seed, addrs }: PointToSync,
  signal: AbortSignal | undefined,
): Promise<SyncOutcome<SyncedPoint>> {
  const { netns, enter } = await network.addNode();
  const { mode, scheduler } = spec;
  const timeoutMs = syncBudgetMs(services);
  const request = { netns, mode, scheduler, iptables: variant, services, seed, standIns: addrs, timeoutMs };
  const outcome = await syncInProcess(request, signal);
  if ("reason" in outcome) return outcome;
  const synced = outcome.answer;
  const engine = `kernel: ${await programmerOf(mode, variant, netns)}`;
  const promise: BalancePromise = { kind: mode === "ipvs" ? "none" : "uniform-random" };
  const open: OpenSubject = {
    subject: { name: subject, targets: { tcp: synced.targets.map(targetOf), udp: [] }, enter },
    info: { what: `mode ${mode} among ${services} services, ${engine}`, promiseOf: () => promise },
  };
  return { answer: { request, open, point: { subject, like: spec.name, services, synced }, engine } };
}

function tellBudget(log: Log, subject: string, timeoutMs: number): void {
  log.info(`${subject}: at most ${timeoutMs / 1000} s until its rules are in force`);
}

function serviceOf(address: SocketAddr, addrs: readonly SocketAddr[]): ServiceInfo {
  const endpoints = addrs.map((addr) => ({ endpoint: formatSocketAddr(addr), standIn: formatSocketAddr(addr) }));
  return {
    backends: addrs.map((_, at) => at),
    service: {
      protocol: "tcp",
      servicePort: "services evenly spread over the rules",
      address: formatSocketAddr(address),
      endpoints,
    },
  };
}

function targetOf({ ip, port }: { readonly ip: Ip; readonly port: number }): LoadTarget {
  return { host: formatIp(ip), port };
}
