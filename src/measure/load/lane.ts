import type { LoadErrors, LoadTarget, LoadTask } from "./task.ts";

/** One client of the closed loop. */
export interface Lane {
  /** Gets ready to send; resolves also when that failed, which is counted. Never rejects. */
  open(): Promise<void>;
  /** The window is open: send. */
  begin(): void;
  /** Since when the lane has waited for the other side, on the run's clock; undefined when it waits for nothing. */
  readonly waitingSinceMs: number | undefined;
  /** What the lane waits for took too long: it counts that, gives it up and goes on. */
  giveUp(): void;
  /** Drops everything at once, and says `ended`. */
  abort(): void;
}

/** What a lane is told, and tells. */
export interface LaneRun {
  readonly task: LoadTask;
  nowMs(): number;
  /** Whether new requests may be sent, now or when their turn comes. */
  isOpen(): boolean;
  /** Asks for the turn to send a request, as `Turns` has it. */
  turn(go: (dueMs: number) => void, over: () => void): () => void;
  nextTarget(): LoadTarget;
  /** A connection is established; or the first datagram of a flow goes out, which nobody can see before. */
  opened(): void;
  /** Operations completed now. */
  completed(operations: number): void;
  /** A right answer came; or a stream began. @param latencyMs since it was due; undefined: it is not timed. */
  answered(latencyMs: number | undefined): void;
  received(bytes: number): void;
  failed(error: keyof LoadErrors): void;
  /** The lane with this number has closed everything and sends no more. */
  ended(lane: number): void;
}
