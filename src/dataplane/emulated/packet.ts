import type { Protocol } from "../../net/flow.ts";
import type { Ip } from "../../net/ip.ts";
import type { Watch } from "./decider.ts";

/** A flow's first packet on its way through the rules. One object serves all walks of a decider, one after the other. */
export interface Packet {
  proto: Protocol;
  src: Ip;
  /** Changed by DNAT, like the port. */
  dst: Ip;
  dstPort: number;
  mark: number;
  /** Conntrack's view: the destination, the source was rewritten. */
  dnat: boolean;
  snat: boolean;
  /** The interface it came in by; empty for a packet of the node itself, and where nobody knows. */
  inInterface: string;
  nowMs: number;
  watch: Watch | undefined;
}

/** The mark behind a MARK target. @returns an unsigned 32-bit number. */
export function markedBy(mark: number, { value, mask }: { readonly value: number; readonly mask: number }): number {
  return ((mark & ~mask) ^ value) >>> 0;
}
