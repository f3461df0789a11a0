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
  /** Whether UDP flows end when their endpoint leaves the program. */
  readonly endsStranded: boolean;
}

interface PolicyOptions {
  readonly modern: boolean;
  readonly udpIdleMs: number | undefined;
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
 *   `udpIdleMs` takes the place of both idle time-outs.
 */
export function policyOf(mode: Mode, { modern, udpIdleMs }: PolicyOptions): ForwardingPolicy {
  const policy = mode === "userspace" && modern ? { ...byMode.iptables, ...userspaceTries } : byMode[mode];
  return udpIdleMs === undefined ? policy : { ...policy, udpIdleMs, udpStreamMs: udpIdleMs };
}
