import type { Dumps } from "./guest-kernel.ts";

/** What a guest found out about `sluice run`. */
export interface RunReport {
  /** The kernel before, with what others have there. */
  readonly before: Dumps;
  /** Why a sync failed while a command of the host did. */
  readonly broken: string;
  /** The command, after that: its exit code and what it said. */
  readonly run: { readonly exitCode: number | null; readonly stderr: string };
  readonly after: Dumps;
  readonly timeouts: string;
  /** What one more sync would run. */
  readonly again: readonly string[];
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
  /** What a clean-up leaves. */
  readonly cleaned: Dumps;
  /** Why a sync failed with a scheduler that the kernel does not have. */
  readonly unable: string;
}
