import { availableParallelism } from "node:os";
import { configInvalid } from "../../core/errors.ts";
import { type Log, silentLog } from "../../core/log.ts";
import { freshSeed } from "../../core/random.ts";
import { formatSocketAddr, type SocketAddr } from "../../net/flow.ts";
import { parseSocketAddr } from "../../net/parse-socket-addr.ts";
import type { EngineName } from "./choose-engine.ts";
import type { EndpointMapping } from "./endpoint-map.ts";

/** Options of the workers dataplane. Every field may be left out. */
export interface WorkersOptions {
  /**
   * Worker threads, 1…64.
   * @default one less than the host has processors, at least 1
   */
  readonly workers?: number;
  /**
   * What moves the bytes: the engine in C, or Node's own sockets.
   * @default "native" where it is built, else "node"; the status says which one runs
   */
  readonly engine?: EngineName;
  /**
   * Where frontends listen: on loopback at a port that the host chooses (`status()` tells which), or at their own
   * virtual addresses. Cluster IPs are then made local to this host while they are served, which takes root, by one
   * dataplane of a network namespace at a time; other kinds listen where their address is local already.
   * @default "loopback"
   */
  readonly bind?: "loopback" | "cluster-ips";
  /** By name of the service port: where its first frontend listens. @default none */
  readonly listen?: Readonly<Record<string, SocketAddr>>;
  /**
   * Endpoints whose traffic goes elsewhere, as `IP[:PORT]`; without a port `from` stands for all ports, and `to` keeps
   * the port. Each `from` once; one that no program has is no error.
   * @default none
   */
  readonly mapEndpoint?: readonly { readonly from: string; readonly to: string }[];
  /**
   * Where TCP connections arrive that a rule of the kernel redirects (`REDIRECT`), to whatever frontend: each is decided
   * by its original destination, and endpoints are told that one by the PROXY protocol. Ports 1…65535. The Node engine
   * takes the addon for it.
   * @default none
   */
  readonly transparent?: readonly SocketAddr[];
  /** Carries the userspace mode's flows as those of the other modes, not as kube-proxy 1.25 did. @default false */
  readonly modern?: boolean;
  /**
   * A UDP flow is forgotten after this long without a datagram, in milliseconds, 1…86_400_000.
   * @default the mode's: userspace 250, iptables 30_000 and 120_000 once it goes both ways, ipvs 300_000
   */
  readonly udpIdleMs?: number;
  /** How long each try to reach an endpoint may take, in milliseconds, 1…600_000. @default the mode's own */
  readonly connectTimeoutMs?: number;
  /** Further tries after an endpoint failed, each decided anew, 0…7. @default the mode's: userspace 3, others none */
  readonly retries?: number;
  /** A connection is reset after this long without a byte, in milliseconds, 1…86_400_000. @default never */
  readonly tcpIdleMs?: number;
  /** How long nothing comes before the kernel probes whether an endpoint is still there, 1…32_767. @default never */
  readonly keepaliveSeconds?: number;
  /**
   * Endpoints are told who the client is, and where it connected to, by a header of this version of the PROXY protocol.
   * @default none
   */
  readonly proxyProtocol?: 1 | 2;
  /** UDP flows of one worker at a time, each with a socket of its own, 1…1_000_000. @default 4096 */
  readonly maxUdpFlows?: number;
  /** Connections that the kernel completes ahead of us, 1…65_535; it takes no more than net.core.somaxconn. @default 4096 */
  readonly backlog?: number;
  /** What random choices are drawn from, 0…2³² − 1. @default another one each time */
  readonly seed?: number;
  /** Where deaths of workers and the like are told. @default nowhere */
  readonly log?: Log;
}

/** The same options with every default filled in. */
export interface ResolvedWorkersOptions {
  readonly workers: number;
  /** Undefined: the one in C where it is built. */
  readonly engine: EngineName | undefined;
  readonly bind: "loopback" | "cluster-ips";
  readonly listen: Readonly<Record<string, SocketAddr>>;
  readonly mapEndpoint: readonly EndpointMapping[];
  readonly transparent: readonly SocketAddr[];
  readonly modern: boolean;
  /** Undefined: the mode's. */
  readonly udpIdleMs: number | undefined;
  readonly connectTimeoutMs: number | undefined;
  readonly retries: number | undefined;
  readonly tcpIdleMs: number | undefined;
  readonly keepaliveSeconds: number | undefined;
  readonly proxyProtocol: 1 | 2 | undefined;
  readonly maxUdpFlows: number;
  readonly backlog: number;
  readonly seed: number;
  readonly log: Log;
}

/** Numbers are whole and in these limits; of the other fields the type tells all. */
const limits = {
  workers: [1, 64],
  engine: undefined,
  bind: undefined,
  listen: undefined,
  mapEndpoint: undefined,
  transparent: undefined,
  modern: undefined,
  udpIdleMs: [1, 86_400_000],
  connectTimeoutMs: [1, 600_000],
  retries: [0, 7],
  tcpIdleMs: [1, 86_400_000],
  keepaliveSeconds: [1, 32_767],
  proxyProtocol: [1, 2],
  maxUdpFlows: [1, 1_000_000],
  backlog: [1, 65_535],
  seed: [0, 2 ** 32 - 1],
  log: undefined,
} as const satisfies Record<keyof WorkersOptions, readonly [number, number] | undefined>;

/** @throws {SluiceError} CONFIG_INVALID, naming the field, also for an unknown field. */
export function resolveWorkersOptions(options: WorkersOptions = {}): ResolvedWorkersOptions {
  for (const [path, value] of Object.entries(options)) check(path, value);
  return Object.freeze({
    workers: options.workers ?? Math.max(1, availableParallelism() - 1),
    engine: options.engine,
    bind: options.bind ?? "loopback",
    listen: Object.freeze({ ...options.listen }),
    mapEndpoint: resolveMappings(options.mapEndpoint ?? []),
    transparent: Object.freeze([...(options.transparent ?? [])]),
    modern: options.modern ?? false,
    udpIdleMs: options.udpIdleMs,
    connectTimeoutMs: options.connectTimeoutMs,
    retries: options.retries,
    tcpIdleMs: options.tcpIdleMs,
    keepaliveSeconds: options.keepaliveSeconds,
    proxyProtocol: options.proxyProtocol,
    maxUdpFlows: options.maxUdpFlows ?? 4096,
    backlog: options.backlog ?? 4096,
    seed: options.seed ?? freshSeed(),
    log: options.log ?? silentLog,
  });
}

function check(path: string, value: unknown): void {
  if (!Object.hasOwn(limits, path)) throw configInvalid(path, "a known option", value);
  if (path === "bind" && value !== "loopback" && value !== "cluster-ips") {
    throw configInvalid(path, "loopback or cluster-ips", value);
  }
  if (path === "engine" && value !== undefined && value !== "native" && value !== "node") {
    throw configInvalid(path, "native or node", value);
  }
  if (path === "transparent") checkTransparent(value as readonly SocketAddr[]);
  const limit = limits[path as keyof typeof limits];
  if (limit === undefined) return;
  const [min, max] = limit;
  const fits = Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
  if (!fits) throw configInvalid(path, `a whole number in ${min}…${max}`, value);
}

function checkTransparent(given: readonly SocketAddr[]): void {
  if (given.some(({ port }) => port === 0))
    throw configInvalid("transparent", "ports that a rule can name, 1…65535", 0);
  const texts = given.map(formatSocketAddr);
  const again = texts.find((text, at) => texts.indexOf(text) !== at);
  if (again !== undefined) throw configInvalid("transparent", "each address once", again);
}

function resolveMappings(given: NonNullable<WorkersOptions["mapEndpoint"]>): readonly EndpointMapping[] {
  const mappings = given.map(resolveMapping);
  const froms = mappings.map(({ from }) => formatSocketAddr(from));
  const again = froms.findIndex((from, at) => froms.indexOf(from) !== at);
  if (again >= 0) throw configInvalid(`mapEndpoint[${again}].from`, "each endpoint once", given[again]!.from);
  return Object.freeze(mappings);
}

function resolveMapping({ from, to }: { readonly from: string; readonly to: string }, at: number): EndpointMapping {
  return {
    from: parseSocketAddr(from, `mapEndpoint[${at}].from`, 0),
    to: parseSocketAddr(to, `mapEndpoint[${at}].to`, 0),
  };
}
