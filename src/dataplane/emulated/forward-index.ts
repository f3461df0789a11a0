import type { Forward, ForwardTable, Portal } from "../../modes/userspace/forward-table.ts";
import type { Flow, Protocol, SocketAddr } from "../../net/flow.ts";
import { familyOf, type Ip, ipKey, isLoopback } from "../../net/ip.ts";
import { createAddrIndex } from "./addr-index.ts";

/** Finds the forward whose proxy gets the connections of a flow. O(1). */
export interface ForwardIndex {
  find(flow: Flow): Forward | undefined;
}

/**
 * Leads flows as the portal rules do. A packet of the node itself reaches an external IP's portal only where that address
 * is local to the node. A node port answers at every local address of the node, and at 0.0.0.0, which stands for them.
 * Who asks for a proxy port itself is served too: the socket is open.
 *
 * Source: kube-proxy 1.25, as `compilePortals` puts it into rules.
 *
 * @param nodeAddresses what is local to the node besides loopback.
 */
export function createForwardIndex(table: ForwardTable, nodeAddresses: readonly Ip[]): ForwardIndex {
  const own = new Set(nodeAddresses.map(ipKey));
  const isLocal = (ip: Ip): boolean => own.has(ipKey(ip)) || isLoopback(ip);
  const ofNode = ({ kind, addr }: Portal): boolean => kind !== "external-ip" || isLocal(addr.ip);
  const comingIn = createAddrIndex(portalsOf(table, () => true));
  const goingOut = createAddrIndex(portalsOf(table, ofNode));
  const onNode = createAddrIndex(portsOf(table));
  const isProxied = (ip: Ip): boolean => table.bindIp === 0 || ip === table.bindIp;
  return {
    find(flow) {
      const portal = (isLocal(flow.src) ? goingOut : comingIn).find(flow);
      if (portal !== undefined) return portal;
      const { dst, dstPort } = flow;
      if (familyOf(dst) !== 4 || !(dst === 0 || isLocal(dst))) return undefined;
      const forward = onNode.find({ ...flow, dst: ANY });
      return forward?.nodePort === dstPort || isProxied(dst) ? forward : undefined;
    },
  };
}

const ANY = 0 as Ip;

interface Place {
  readonly proto: Protocol;
  readonly addr: SocketAddr;
  readonly value: Forward;
}

function portalsOf({ forwards }: ForwardTable, which: (portal: Portal) => boolean): readonly Place[] {
  return forwards.flatMap((value) =>
    value.portals.filter(which).map(({ addr }) => ({ proto: value.proto, addr, value })),
  );
}

/** Node ports before proxy ports: rules redirect the one, and so keep it from the other's socket. */
function portsOf({ forwards }: ForwardTable): readonly Place[] {
  const at = (value: Forward, port: number): Place => ({ proto: value.proto, addr: { ip: ANY, port }, value });
  const nodePorts = forwards.filter(({ nodePort }) => nodePort !== 0);
  return [
    ...nodePorts.map((forward) => at(forward, forward.nodePort)),
    ...forwards.map((forward) => at(forward, forward.proxyPort)),
  ];
}
