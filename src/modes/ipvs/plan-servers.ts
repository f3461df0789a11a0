import { inCidr } from "../../net/cidr.ts";
import { formatSocketAddr, TCP } from "../../net/flow.ts";
import { familyOf } from "../../net/ip.ts";
import type { PlanDraft } from "./plan-draft.ts";
import { realServerWords, settingsWords } from "./render.ts";
import { serverKey } from "./server-key.ts";
import type { KernelState } from "./state.ts";
import type { IpvsTables, KernelServer, RealServer, ServerPlace, VirtualServer } from "./tables.ts";

/** A real server that is to go, and has connections. */
export interface Draining {
  /** The virtual server: `10.96.0.10:80/TCP`. */
  readonly of: string;
  readonly server: RealServer;
  readonly connections: number;
}

/**
 * Plans the virtual servers of one family. Those of others go, but for the excluded ranges and those by mark.
 *
 * Real servers end gracefully: one of TCP that has connections has weight 0 until they are over. One that is wanted
 * again before has its weight back and keeps its connections, where kube-proxy takes it out and adds it anew.
 *
 * Source: kube-proxy, pkg/proxy/ipvs/proxier.go, `syncService`, `syncEndpoint`, `cleanLegacyService`;
 * graceful_termination.go.
 */
export function planServers(
  draft: PlanDraft,
  { family, virtualServers, around }: IpvsTables,
  state: KernelState,
): Draining[] {
  const addressed = state.virtualServers
    .filter((one) => "addr" in one)
    .filter(({ addr }) => familyOf(addr.ip) === family);
  const present = new Map(addressed.map((server) => [serverKey(server), server]));
  const connections = connectionCounts(state);
  const draining = virtualServers.flatMap((server) => {
    const known = present.get(serverKey(server));
    planVirtualServer(draft, server, known);
    return planRealServers(draft, server, known?.servers ?? [], connections);
  });
  const wanted = new Set(virtualServers.map(serverKey));
  for (const { addr, proto } of addressed) {
    const kept = wanted.has(serverKey({ addr, proto })) || around?.excluded.some((range) => inCidr(addr.ip, range));
    if (kept !== true) draft.remove.push({ kind: "delete-virtual-server", place: { addr, proto } });
  }
  return draining;
}

/** By virtual and real server. */
type Counts = ReadonlyMap<string, number>;

function connectionCounts({ connections }: KernelState): Counts {
  return new Map(
    connections.map(({ of, addr, active, inactive }) => [`${of} ${formatSocketAddr(addr)}`, active + inactive]),
  );
}

function planVirtualServer({ add, edit }: PlanDraft, server: VirtualServer, known: KernelServer | undefined): void {
  if (known === undefined) add.push({ kind: "add-virtual-server", server });
  else if (settingsWords(known) !== settingsWords(server)) edit.push({ kind: "edit-virtual-server", server });
}

function planRealServers(
  { add, edit, remove }: PlanDraft,
  { addr, proto, servers }: VirtualServer,
  present: readonly RealServer[],
  counts: Counts,
): Draining[] {
  const listed = new Map(present.map((server) => [formatSocketAddr(server.addr), server]));
  const of: ServerPlace = { addr, proto };
  for (const server of servers) {
    const known = listed.get(formatSocketAddr(server.addr));
    if (known === undefined) add.push({ kind: "add-real-server", of, server });
    else if (realServerWords(known) !== realServerWords(server)) edit.push({ kind: "edit-real-server", of, server });
    listed.delete(formatSocketAddr(server.addr));
  }
  const key = serverKey(of);
  return [...listed].flatMap(([text, server]): Draining[] => {
    const connections = proto === TCP ? (counts.get(`${key} ${text}`) ?? 0) : 0;
    if (connections === 0) {
      remove.push({ kind: "delete-real-server", of, server });
      return [];
    }
    if (server.weight !== 0) edit.push({ kind: "edit-real-server", of, server: { ...server, weight: 0 } });
    return [{ of: key, server, connections }];
  });
}
