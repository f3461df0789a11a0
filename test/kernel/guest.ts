import type { GuestRun } from "../support/guest.ts";

/** A program for a guest, and what has to hold of that it found out. */
export interface Guest {
  readonly name: string;
  readonly program: readonly [file: string, ...words: string[]];
  /** Of the kernel, loaded before. */
  readonly modules: readonly string[];
  readonly timeoutMs: number;
  readonly tests: readonly GuestTest[];
}

export interface GuestTest {
  readonly name: string;
  readonly body: (ran: GuestRun) => void;
}
