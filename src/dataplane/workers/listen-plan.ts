import { formatSocketAddr, SCTP, type SocketAddr, TCP, type UDP } from "../../net/flow.ts";
import { familyOf, formatIp, type Ip, type Ip4 } from "../../net/ip.ts";
import type { Decision, Frontend, NodePlan } from "../dataplane.ts";
import type { VerdictOf } from "./frontend-verdicts.ts";
import { loopbackOf } from "./loopback.ts";
import type { ResolvedWorkersOptions } from "./options.ts";

/** A socket that a program wants. */
export interface WantedListener {
  /** The same for what may go on as the same socket: what it is asked to listen at, or for whom the host chooses. */
  readonly key: string;
  readonly proto: typeof TCP | typeof UDP;
  /** Port 0: the host chooses. */
  readonly at: SocketAddr;
  readonly frontend: Frontend;
  /** For connections that rules of the kernel redirect, whatever frontend they were for; `frontend` is the listener itself. */
  readonly transparent: boolean;
}

/** Where the frontends of a program listen, and why some do not. */
export interface ListenPlan {
  readonly wanted: readonly WantedListener[];
  readonly absent: readonly { readonly frontend: Frontend; readonly reason: string }[];
  /** TCP frontends whose packets the program drops; they listen all the same, as not every client need be dropped. */
  readonly dropping: readonly Frontend[];
  /** Cluster IPs that the program knows; what nobody listens at refuses if it is local, as a reject does. */
  readonly addresses: readonly Ip[];
}

type Where = Pick<ResolvedWorkersOptions, "bind" | "listen" | "transparent"> & {
  /** Whether this host has IPv6. */
  readonly ipv6: boolean;
  /** Whether an address is this host's own. */
  isLocal(ip: Ip): boolean;
};

/** All addresses of the host. */
const ANY = 0 as Ip4;

/**
 * At their own addresses, cluster IPs are what is to be made local; the others listen where they are local already.
 * Of two frontends with one address the first in order listens, as the first of two rules decides.
 */
export function planListeners(plan: NodePlan, verdictOf: VerdictOf, where: Where): ListenPlan {
  const verdicts = new Map(plan.frontends.map((frontend) => [frontend, verdictOf(frontend)]));
  const addresses = clusterIps(verdicts, where);
  const virtual = new Set(addresses.map(formatIp));
  const bindable = (ip: Ip): boolean => ip === ANY || virtual.has(formatIp(ip)) || where.isLocal(ip);
  const wanted = new Map<string, WantedListener>();
  const absent: { frontend: Frontend; reason: string }[] = [];
  const dropping: Frontend[] = [];
  const fixed = new Map(Object.entries(where.listen));

  /** @returns why it does not listen. */
  const place = (frontend: Frontend, verdict: Decision["verdict"]): string | undefined => {
    const { proto, addr, servicePort } = frontend;
    if (proto === SCTP) return "SCTP is not carried";
    if (verdict === "reject") return "the program rejects its connections";
    if (verdict === "pass") return "the program has no rule for it";
    if (familyOf(addr.ip) === 6 && !where.ipv6) return "this host has no IPv6";
    const at = fixed.get(servicePort) ?? (where.bind === "cluster-ips" ? addr : anyPortOn(addr));
    if (at === addr && !bindable(addr.ip)) return `${formatIp(addr.ip)} is not an address of this host`;
    const key = `${proto} ${formatSocketAddr(at.port === 0 ? addr : at)}`;
    const taken = wanted.get(key)?.frontend;
    if (taken !== undefined) return `${taken.servicePort} has this address`;
    fixed.delete(servicePort);
    wanted.set(key, { key, proto, at, frontend, transparent: false });
    // A UDP client sees the same as of a kernel: nothing.
    if (verdict === "drop" && proto === TCP) dropping.push(frontend);
    return undefined;
  };
  for (const [frontend, verdict] of verdicts) {
    const reason = place(frontend, verdict);
    if (reason !== undefined) absent.push({ frontend, reason });
  }
  return { wanted: [...wanted.values(), ...where.transparent.map(transparentAt)], absent, dropping, addresses };
}

function transparentAt(at: SocketAddr): WantedListener {
  const key = `transparent ${formatSocketAddr(at)}`;
  return {
    key,
    proto: TCP,
    at,
    frontend: { servicePort: key, kind: "transparent", proto: TCP, addr: at },
    transparent: true,
  };
}

function clusterIps(verdicts: ReadonlyMap<Frontend, Decision["verdict"]>, { ipv6 }: Where): readonly Ip[] {
  const known = [...verdicts].filter(([{ kind, addr }, verdict]) => {
    return kind === "cluster-ip" && verdict !== "pass" && (ipv6 || familyOf(addr.ip) === 4);
  });
  return known.map(([{ addr }]) => addr.ip);
}

function anyPortOn({ ip }: SocketAddr): SocketAddr {
  return { ip: loopbackOf(familyOf(ip)), port: 0 };
}
