import type { Mode } from "../../modes/program.ts";

/** How flows are carried once the program has decided: what differs between modes. Plain data. */
export interface ForwardingPolicy {
  /** How long each try to reach an endpoint may take; the length says how many tries there are. 0: the host's own. */
  readonly dialTimeoutsMs: readonly number[];
  /** What a client sees when no endpoint could be reached, or the program rejects its connection. */
  readonly failure: "reset" | "close";
  /** A service port serves one connection until it has reached its endpoint, and only then accepts the next. */
  readonly oneAtATime: boolean;
  /** The end of one direction ends the other. */
  readonly closesBoth: boolean;
  /** Longer datagrams are cut. */
  readonly datagramBytes: number;
  /** When a UDP flow is forgotten: while it was not used again after an answer, and after that. */
  readonly udpIdleMs: number;
  readonly udpStreamMs: number;
  /** A connection is reset after this long without a byte. 0: never. */
  readonly tcpIdleMs: number;
  /** How long nothing comes before the kernel probes an endpoint. 0: never. */
  readonly keepaliveSeconds: number;
  /** The version of the PROXY protocol that endpoints are told their clients by. 0: none. */
  readonly proxyProtocol: 0 | 1 | 2;
  /** Whether UDP flows end when their endpoint leaves the program. */
  readonly endsStranded: boolean;
}

interface PolicyOptions {
  readonly modern: boolean;
  readonly udpIdleMs: number | undefined;
  readonly connectTimeoutMs?: number | undefined;
  readonly retries?: number | undefined;
  readonly tcpIdleMs?: number | undefined;
  readonly keepaliveSeconds?: number | undefined;
  readonly proxyProtocol?: 1 | 2 | undefined;
}

/** No UDP payload is longer. */
const WHOLE_DATAGRAM = 65_535;
/** What a client of iptables or IPVS sees comes from the kernel and from the endpoint itself. */
const kernelLike: Omit<ForwardingPolicy, "udpIdleMs" | "udpStreamMs"> = Object.freeze({
  dialTimeoutsMs: [0],
  failure: "reset",
  oneAtATime: false,
  closesBoth: false,
  datagramBytes: WHOLE_DATAGRAM,
  tcpIdleMs: 0,
  keepaliveSeconds: 0,
  proxyProtocol: 0,
  endsStranded: true,
});
/** nf_conntrack_udp_timeout and nf_conntrack_udp_timeout_stream. */
const conntrackIdle = Object.freeze({ udpIdleMs: 30_000, udpStreamMs: 120_000 });
/** IPVS's own time-out of UDP entries. */
const ipvsIdle = Object.freeze({ udpIdleMs: 300_000, udpStreamMs: 300_000 });
/** kube-proxy's endpointDialTimeouts. */
const userspaceTries = Object.freeze({ dialTimeoutsMs: [250, 500, 1000, 2000], failure: "close" } as const);
/** kube-proxy's userspace proxy: its one accept loop, its copying and its buffer; and the default of udpIdleTimeout. */
const userspaceCopying = Object.freeze({
  oneAtATime: true,
  closesBoth: true,
  datagramBytes: 4096,
  udpIdleMs: 250,
  udpStreamMs: 250,
  endsStranded: false,
});

const byMode: Readonly<Record<Mode, ForwardingPolicy>> = Object.freeze({
  iptables: { ...kernelLike, ...conntrackIdle },
  nftables: { ...kernelLike, ...conntrackIdle },
  ipvs: { ...kernelLike, ...ipvsIdle },
  userspace: { ...kernelLike, ...userspaceTries, ...userspaceCopying },
});

/**
 * The policy of a mode.
 *
 * @param options `modern` leaves the userspace mode its tries, and otherwise carries its flows as the iptables mode;
 *   `udpIdleMs` takes the place of both idle time-outs; of the others each takes the place of the mode's own.
 */
export function policyOf(mode: Mode, options: PolicyOptions): ForwardingPolicy {
  const { modern, udpIdleMs } = options;
  const policy = mode === "userspace" && modern ? { ...byMode.iptables, ...userspaceTries } : byMode[mode];
  return {
    ...policy,
    ...(udpIdleMs === undefined ? {} : { udpIdleMs, udpStreamMs: udpIdleMs }),
    dialTimeoutsMs: dialTimeouts(policy.dialTimeoutsMs, options),
    tcpIdleMs: options.tcpIdleMs ?? policy.tcpIdleMs,
    keepaliveSeconds: options.keepaliveSeconds ?? policy.keepaliveSeconds,
    proxyProtocol: options.proxyProtocol ?? policy.proxyProtocol,
  };
}

/** Tries beyond those of the mode take as long as its last one. */
function dialTimeouts(own: readonly number[], { retries, connectTimeoutMs }: PolicyOptions): readonly number[] {
  const tries = retries === undefined ? own.length : retries + 1;
  return Array.from({ length: tries }, (_, at) => connectTimeoutMs ?? own[at] ?? own.at(-1)!);
}
