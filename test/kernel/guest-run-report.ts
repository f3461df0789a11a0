import type { Dumps } from "./guest-kernel.ts";

/** What a guest finds out besides what is programmed: each by itself, as they are asked for. */
export const runParts = ["broken", "traffic", "cleaned", "unable"] as const;
export type RunPart = (typeof runParts)[number];

/** What a guest found out about `sluice run`; of parts that were not asked for nothing. */
export interface RunReport {
  /** The kernel before, with what others have there. */
  readonly before: Dumps;
  /** Why a sync before that failed, while a command of the host did. */
  readonly broken?: string | undefined;
  /** The command: its exit code and what it said. */
  readonly run: { readonly exitCode: number | null; readonly stderr: string };
  readonly after: Dumps;
  readonly timeouts: string;
  /** What one more sync would run. */
  readonly again: readonly string[];
  readonly traffic?: TrafficReport | undefined;
  /** What a clean-up leaves. */
  readonly cleaned?: Dumps | undefined;
  /** Why a sync failed with a scheduler that the kernel does not have. */
  readonly unable?: string | undefined;
}

export interface TrafficReport {
  /** Which endpoint answered each connection, in order. */
  readonly picks: readonly string[];
  readonly nodePort: string;
  readonly drain: {
    readonly server: string;
    /** The virtual servers while its connection is open, and once that is over. */
    readonly during: string;
    readonly echo: string;
    readonly after: string;
  };
}
