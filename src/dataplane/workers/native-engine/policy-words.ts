import type { ForwardingPolicy } from "../policy.ts";

/** C keeps the time-outs of so many tries. */
const MAX_TRIES = 8;

/** A policy as C reads it: the fields of its struct, in order. */
export function policyWords(policy: ForwardingPolicy): Uint32Array {
  const tries = policy.dialTimeoutsMs.slice(0, MAX_TRIES);
  return Uint32Array.from([
    tries.length,
    ...tries,
    ...Array.from({ length: MAX_TRIES - tries.length }, () => 0),
    policy.failure === "reset" ? 1 : 0,
    policy.oneAtATime ? 1 : 0,
    policy.closesBoth ? 1 : 0,
    policy.datagramBytes,
    policy.udpIdleMs,
    policy.udpStreamMs,
    policy.tcpIdleMs,
    policy.keepaliveSeconds,
    policy.proxyProtocol,
  ]);
}
