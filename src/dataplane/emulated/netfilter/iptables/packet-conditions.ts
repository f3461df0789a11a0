import type { PortRange } from "../../../../modes/iptables/foreign.ts";
import type { ConntrackState } from "../../../../modes/iptables/ruleset.ts";
import type { Packet } from "../packet.ts";

/** @returns undefined where the kernel chose the port by chance, and some of the choices hold. */
export function portHolds(
  packet: Packet,
  which: "source" | "destination",
  ranges: readonly PortRange[],
): boolean | undefined {
  const drawn = which === "source" ? packet.srcPorts : packet.dstPorts;
  const port = which === "source" ? packet.srcPort : packet.dstPort;
  if (drawn === undefined) return ranges.some(({ first, last }) => port >= first && port <= last);
  if (ranges.some(({ first, last }) => drawn.first >= first && drawn.last <= last)) return true;
  return ranges.some(({ first, last }) => drawn.first <= last && drawn.last >= first) ? undefined : false;
}

/** Conntrack's state, or that the connection was rewritten. */
export function stateHolds({ state, connection }: Packet, states: readonly ConntrackState[]): boolean {
  if (states.includes(state)) return true;
  if (connection === undefined) return false;
  return (connection.dnat && states.includes("DNAT")) || (connection.snat && states.includes("SNAT"));
}
