import { systemClock } from "../../src/core/clock.ts";
import { silentLog } from "../../src/core/log.ts";
import type { Dataplane } from "../../src/dataplane/dataplane.ts";
import { type Commands, createCommands } from "../../src/dataplane/kernel/commands.ts";
import { createIptablesProgrammer } from "../../src/dataplane/kernel/iptables.ts";
import { createNftablesProgrammer } from "../../src/dataplane/kernel/nftables.ts";
import type { Backend } from "./quoted.ts";

/** A dataplane that programs one mode, and knows how long the host's commands took of each apply. */
export interface TimedDataplane extends Dataplane {
  /** Of the last apply, in milliseconds. */
  toolMs(): number;
  /** What was fed to commands in the last apply, in bytes. */
  fedBytes(): number;
}

const TIMEOUT_MS = 600_000;

export function timedDataplane(netns: string, { mode, variant }: Backend): TimedDataplane {
  const plain = createCommands(netns, TIMEOUT_MS);
  let [toolMs, fedBytes] = [0, 0];
  const timed = async <T>(input: string, work: () => Promise<T>): Promise<T> => {
    const startMs = performance.now();
    fedBytes += input.length;
    try {
      return await work();
    } finally {
      toolMs += performance.now() - startMs;
    }
  };
  const commands: Commands = {
    netns,
    run: (argv, input = "") => timed(input, () => plain.run(argv, input)),
    ok: (argv, input = "") => timed(input, () => plain.ok(argv, input)),
  };
  const host = {
    commands,
    iptables: variant,
    fullSyncPeriodMs: Infinity,
    dry: false,
    clock: systemClock,
    waitMs: () => Promise.resolve(),
    log: silentLog,
    listener: { synced() {}, reconciled() {} },
  };
  const programmers = { iptables: createIptablesProgrammer(host), nftables: createNftablesProgrammer(host) };
  return {
    name: "kernel, one mode",
    async apply(program, plan) {
      [toolMs, fedBytes] = [0, 0];
      if (program.mode === "iptables" && mode === "iptables") await programmers.iptables.apply(program, plan);
      else if (program.mode === "nftables" && mode === "nftables") await programmers.nftables.apply(program, plan);
      else throw new Error(`a program of mode ${program.mode} for ${mode}`);
    },
    async close() {},
    toolMs: () => toolMs,
    fedBytes: () => fedBytes,
  };
}
