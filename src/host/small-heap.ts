import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Timers } from "../core/clock.ts";

/** Long enough that changes which follow each other are over, in milliseconds. */
const IDLE_MS = 5000;

/**
 * Has V8 collect garbage more often from now on, for a process that lives long and seldom works: it then holds about as
 * much memory as it needs, where it would hold twice as much. What it works takes a few per cent longer.
 */
export function keepHeapSmall(): void {
  // A young generation of 12 MB instead of 48, and an old one that grows by half of what is alive before it is swept.
  setFlagsFromString("--max-semi-space-size=4");
  setFlagsFromString("--heap-growing-percent=50");
}

/** Collects all garbage and gives its memory back. It takes a second for each GB that is alive. */
export function sweepHeap(): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
}

/** Sweeps a heap when work is over: V8 itself does nothing while a process is idle, however much garbage it has. */
export interface IdleSweeper {
  /** There was work just now. */
  worked(): void;
  /** It sweeps no more. Safe to call twice. */
  close(): void;
}

export function createIdleSweeper(timers: Timers, sweep: () => void = sweepHeap): IdleSweeper {
  let takeBack = (): void => {};
  let closed = false;
  return {
    worked() {
      takeBack();
      if (!closed) takeBack = timers.after(IDLE_MS, sweep);
    },
    close() {
      closed = true;
      takeBack();
    },
  };
}
