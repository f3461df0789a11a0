import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { IptablesVariant } from "../../host/iptables.ts";
import type { Family } from "../../net/ip.ts";
import type { Mode, Program } from "../../modes/program.ts";
import type { NodePlan } from "../dataplane.ts";
import type { Commands } from "./commands.ts";

/** Is told what a dataplane does, as it does it. */
export interface KernelListener {
  /** Rules of a family were brought into force, or refused: all of them, or what is different. */
  synced(family: Family, whole: boolean): void;
  /** Stale UDP flows of a family were looked for, and so many forgotten. */
  reconciled(family: Family, durationMs: number, forgotten: number): void;
}

/** What a programmer works with. */
export interface KernelHost {
  readonly listener: KernelListener;
  readonly commands: Commands;
  /** Undefined: the host's own choice. */
  readonly iptables: IptablesVariant | undefined;
  readonly fullSyncPeriodMs: number;
  readonly staleChainsMs: number;
  /** Nothing is changed: what is written is meant for people. */
  readonly dry: boolean;
  readonly clock: Clock;
  waitMs(ms: number): Promise<void>;
  readonly log: Log;
}

/** Puts the programs of one mode into a kernel. */
export interface Programmer<M extends Mode> {
  /** @throws {SluiceError} DATAPLANE_FAILED; then the program before is still in force. HOST_UNABLE. */
  apply(program: Extract<Program, { readonly mode: M }>, plan: NodePlan): Promise<void>;
  /** Does what an apply left for later, since a kernel is not ready for it at once; after a wait of seconds at most. */
  settle(): Promise<void>;
  /** @returns false when somebody took away what was applied; the next apply then puts all of it back. */
  intact(): Promise<boolean>;
  /**
   * Looks for what any program of this mode left, whoever applied it.
   *
   * @param all what others share, too.
   * @returns takes it away, whatever other modes have done meanwhile.
   */
  findLeft(all: boolean): Promise<() => Promise<void>>;
}
