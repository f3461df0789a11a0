import { threadClock } from "../core/clock.ts";
import type { NodePlan } from "../dataplane/dataplane.ts";
import type { Program } from "../modes/program.ts";
import { type Flow, type SocketAddr, TCP } from "../net/flow.ts";
import { parseIp } from "../net/ip.ts";
import { prepareDecisions } from "./emulated/decisions.ts";

/** What the first packet of a flow costs in the emulator: no traffic, no kernel. */
export interface EmulatedCost {
  /** Rules and entries that it passes, the mean over the addresses. */
  readonly rules: number;
  /** Nanoseconds a decision, one value a batch. */
  readonly batchesNs: readonly number[];
}

const BATCHES = 12;
/** As many decisions that the clock's own grain is nothing beside a batch. */
const BATCH_DECISIONS = 4096;
const RULE_DECISIONS = 256;
const client = parseIp("198.18.0.2");

/**
 * Decides first packets of TCP flows by a program, in turn to some addresses.
 *
 * @param addrs at least one. @param seed of the random picks.
 */
export function emulatedCost(
  program: Program,
  plan: NodePlan,
  addrs: readonly SocketAddr[],
  seed: number,
): EmulatedCost {
  const flows = addrs.map(({ ip, port }): Flow => ({
    proto: TCP,
    src: client,
    srcPort: 40_000,
    dst: ip,
    dstPort: port,
  }));
  const decide = prepareDecisions(program, plan, flows, seed);
  const counted = RULE_DECISIONS * flows.length;
  const rules = decide(counted) / counted;
  // Code that was never run is slower: that is the host's doing, not the program's.
  decide(BATCH_DECISIONS);
  return { rules, batchesNs: Array.from({ length: BATCHES }, () => timeBatch(decide)) };
}

/** @returns nanoseconds a decision. */
export function timeBatch(decide: (count: number) => number): number {
  const beganMs = threadClock.nowMs();
  decide(BATCH_DECISIONS);
  return ((threadClock.nowMs() - beganMs) * 1e6) / BATCH_DECISIONS;
}
