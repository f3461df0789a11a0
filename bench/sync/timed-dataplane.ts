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
  /** Runs the host's command with the least that changes anything: one chain of its own. @returns in milliseconds. */
  leastMs(): Promise<number>;
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
    staleChainsMs: 30_000,
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
    async leastMs() {
      const startMs = performance.now();
      await plain.ok(...leastChange(mode, variant));
      return performance.now() - startMs;
    },
    fedBytes: () => fedBytes,
  };
}

/** A chain with a rule, as a program that knows its own state would replace one. */
function leastChange(
  mode: Backend["mode"],
  variant: Backend["variant"],
): [argv: readonly [string, ...string[]], input: string] {
  if (mode === "nftables") {
    const chain = "chain ip kube-proxy bench-least";
    return [["nft", "-f", "-"], `add ${chain}\nflush ${chain}\nadd rule ip kube-proxy bench-least drop\n`];
  }
  const restore = variant === "legacy" ? "iptables-legacy-restore" : "iptables-nft-restore";
  return [[restore, "--noflush"], "*nat\n:BENCH-LEAST - [0:0]\n-A BENCH-LEAST -j RETURN\nCOMMIT\n"];
}
