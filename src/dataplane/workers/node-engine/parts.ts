import type { Clock } from "../../../core/clock.ts";
import type { Tally } from "../counters.ts";
import type { ForwardingPolicy } from "../policy.ts";
import type { Slots } from "./slots.ts";
import type { Turn } from "./turn.ts";

/** What all listeners and flows of one Node engine share. */
export interface EngineParts {
  readonly turn: Turn;
  readonly tally: Tally;
  readonly slots: Slots;
  readonly clock: Clock;
  /** Of flows that begin now. */
  policy(): ForwardingPolicy;
}

/** A listener that is open. */
export interface OpenListener {
  readonly bound: { readonly address: string; readonly port: number };
  close(): void;
}
