import type { Mode } from "../modes/program.ts";

/**
 * What decides about packets in a mode and is not walked by a trace: the trace says nothing about it.
 *
 * @returns in words for people, one item each.
 */
export function notWalked(mode: Mode): readonly string[] {
  return mode === "ipvs" ? ["the iptables rules around IPVS, masquerade and source ranges"] : [];
}
