/** Sends packets one by one, and holds what the kernel counts and where they arrive against what the emulator says. */
import assert from "node:assert/strict";
import type { EmulatedNode } from "../../../../src/dataplane/emulated/netfilter/node.ts";
import { seed } from "../../../support/seed.ts";
import { expectedEnds, type KernelEnd, sameArrival, sameCounts } from "./expected-ends.ts";
import type { KernelNetwork } from "./kernel-network.ts";
import type { TrialPacket } from "./trial-packet.ts";

/** How often each rule counted. */
export type Counts = ReadonlyMap<string, number>;

/** How long a packet may be on its way. */
const PATIENCE_MS = 3000;

export interface Followed {
  readonly kernel: KernelNetwork;
  readonly node: EmulatedNode;
  readonly packets: readonly TrialPacket[];
  counts(): Promise<Counts>;
  /** The name under which `counts` has a rule. */
  nameOf(where: string, rule: string): string | undefined;
  /** For messages: what is in the kernel. */
  readonly rules: string;
  /** How many packets ended how. */
  readonly tally: Map<string, number>;
}

export async function followPackets({ kernel, node, packets, counts, nameOf, rules, tally }: Followed): Promise<void> {
  let before = await counts();
  const followed: { readonly packet: TrialPacket; readonly ends: readonly KernelEnd[] }[] = [];
  for (const packet of packets) {
    const wanted = expectedEnds(node, packet, nameOf);
    await kernel.send(packet.from, packet);
    const [ends, now] = await follow(counts, before, wanted);
    const text = (counted: Counts): string => [...counted].map(([rule, n]) => `${n} × ${rule}`).join("\n");
    const said = `the kernel:\n${text(difference(before, now))}\nthe emulator:\n${wanted.map((end) => text(end.counted)).join("\nor\n")}`;
    assert.ok(ends.length > 0, `seed ${seed}: ${JSON.stringify(packet)}\n${said}\n${rules}`);
    followed.push({ packet, ends });
    before = now;
  }
  const arrived = await kernel.arrived();
  for (const { packet, ends } of followed) {
    // No rule of these trials changes the port that a packet comes from, unless it is taken.
    const seen = arrived.filter(({ srcPort }) => srcPort === packet.srcPort);
    const said = JSON.stringify({ packet, kernel: seen, emulator: ends.map((end) => end.arrived) });
    assert.ok(
      ends.some((end) => sameArrival(end, seen)),
      `seed ${seed}: ${said}\n${rules}`,
    );
    for (const kind of new Set(ends.map((end) => end.arrived[0]?.at ?? "stopped")))
      tally.set(kind, (tally.get(kind) ?? 0) + 1);
  }
}

/** Waits until the rules have counted the packet. @returns the ends that the counts allow, and the counts now. */
async function follow(
  counts: Followed["counts"],
  before: Counts,
  wanted: readonly KernelEnd[],
): Promise<[readonly KernelEnd[], Counts]> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const now = await counts();
    const counted = difference(before, now);
    const fitting = wanted.filter((end) => sameCounts(end.counted, counted));
    if (fitting.length > 0 || performance.now() > until) return [fitting, now];
  }
}

function difference(before: Counts, after: Counts): Counts {
  return new Map([...after].map(([key, n]) => [key, n - (before.get(key) ?? 0)] as const).filter(([, n]) => n > 0));
}
