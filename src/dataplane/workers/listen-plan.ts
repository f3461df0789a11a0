import { formatSocketAddr, SCTP, type SocketAddr, type TCP, type UDP } from "../../net/flow.ts";
import { familyOf, type Ip } from "../../net/ip.ts";
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
}

/** Where the frontends of a program listen, and why some do not. */
export interface ListenPlan {
  readonly wanted: readonly WantedListener[];
  readonly absent: readonly { readonly frontend: Frontend; readonly reason: string }[];
  /** Frontends whose packets the program drops; they listen all the same, as not every client need be dropped. */
  readonly dropping: readonly Frontend[];
  /** Virtual addresses that the program knows; what nobody listens at refuses if it is local, as a reject does. */
  readonly addresses: readonly Ip[];
}

type Where = Pick<ResolvedWorkersOptions, "bind" | "listen"> & {
  /** Whether this host has IPv6. */
  readonly ipv6: boolean;
};

/** Of two frontends with one address the first in order listens, as the first of two rules decides. */
export function planListeners(plan: NodePlan, verdictOf: VerdictOf, where: Where): ListenPlan {
  const wanted = new Map<string, WantedListener>();
  const absent: { frontend: Frontend; reason: string }[] = [];
  const dropping: Frontend[] = [];
  const addresses: Ip[] = [];
  const fixed = new Map(Object.entries(where.listen));
  for (const frontend of plan.frontends) {
    const { proto, addr, servicePort } = frontend;
    const verdict = verdictOf(frontend);
    const able = familyOf(addr.ip) === 4 || where.ipv6;
    if (able && verdict !== "pass") addresses.push(addr.ip);
    if (proto === SCTP || verdict === "reject" || verdict === "pass" || !able) {
      absent.push({ frontend, reason: reasonNotTo(frontend, verdict) });
      continue;
    }
    const at = fixed.get(servicePort) ?? (where.bind === "cluster-ips" ? addr : anyPortOn(addr));
    const key = `${proto} ${formatSocketAddr(at.port === 0 ? addr : at)}`;
    const taken = wanted.get(key)?.frontend;
    if (taken !== undefined) {
      absent.push({ frontend, reason: `${taken.servicePort} has this address` });
      continue;
    }
    fixed.delete(servicePort);
    wanted.set(key, { key, proto, at, frontend });
    if (verdict === "drop") dropping.push(frontend);
  }
  return { wanted: [...wanted.values()], absent, dropping, addresses };
}

function anyPortOn({ ip }: SocketAddr): SocketAddr {
  return { ip: loopbackOf(familyOf(ip)), port: 0 };
}

function reasonNotTo({ proto }: Frontend, verdict: Decision["verdict"]): string {
  if (proto === SCTP) return "SCTP is not carried";
  if (verdict === "reject") return "the program rejects its connections";
  if (verdict === "pass") return "the program has no rule for it";
  return "this host has no IPv6";
}
