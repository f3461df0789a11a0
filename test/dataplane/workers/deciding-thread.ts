/** Decides in memory that it shares with other threads, as fast as it can, and logs each decision with its ticket. */
import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../../../src/core/clock.ts";
import type { Lock } from "../../../src/core/lock.ts";
import { seededRandom } from "../../../src/core/random.ts";
import type { FlowChange } from "../../../src/dataplane/workers/engine.ts";
import { sharedLock } from "../../../src/dataplane/workers/lock.ts";
import { deciding, type Shared, type Step } from "./deciding.ts";
import { waitForAll } from "./start-line.ts";

/** What a thread of this file is told. */
export interface DecidingWork extends Shared {
  readonly seat: number;
  readonly owner: number;
  readonly seats: Int32Array;
  /** One word: the next ticket. */
  readonly tickets: SharedArrayBuffer;
  readonly line: SharedArrayBuffer;
  readonly parties: number;
  /** When time began for all of them. */
  readonly startMs: number;
  /** All threads begin each round together. */
  readonly rounds: number;
  readonly stepsPerRound: number;
  readonly clients: number;
  /** What becomes of its flows, in turn, half of the time; the last of them ends a flow. */
  readonly fates: readonly FlowChange["became"][];
}

/** A step as it was carried out. */
export interface Logged extends Step {
  readonly seat: number;
  /** Drawn while the memory was this thread's. */
  readonly ticket: number;
  /** Critical sections that it took. */
  readonly sections: number;
  readonly to: string;
}

/** Time runs faster, so that clients are forgotten meanwhile. */
const SPEED = 1000;

const work = workerData as DecidingWork;
const tickets = new Int32Array(work.tickets);
let ticket = -1;
let sections = 0;
const lockOf = (memory: ArrayBufferLike): Lock => {
  const lock = sharedLock(memory, { words: work.seats }, work.owner);
  return {
    acquire() {
      lock.acquire();
      ticket = Atomics.add(tickets, 0, 1);
      sections += 1;
    },
    release: () => lock.release(),
  };
};
const carryOut = deciding(work, work.seat, lockOf);
const random = seededRandom(100 + work.seat);
const log: Logged[] = [];
/** Flows that are open, and how many of their fates they have had. */
const open: { readonly slot: number; had: number }[] = [];
let slots = 0;

/** A new flow, or the next thing that becomes of an open one. */
function nextStep(): Omit<Step, "nowMs"> {
  const one = open[random.below(open.length + 1)];
  if (one === undefined || work.fates.length === 0 || random.below(2) === 0) {
    const slot = slots++;
    open.push({ slot, had: 0 });
    return { slot, client: random.below(work.clients) };
  }
  const became = work.fates[one.had++]!;
  if (one.had === work.fates.length) open.splice(open.indexOf(one), 1);
  return { slot: one.slot, became };
}

for (let round = 1; round <= work.rounds; round += 1) {
  waitForAll(work.line, work.parties * round);
  for (let at = 0; at < work.stepsPerRound; at += 1) {
    const step: Step = { ...nextStep(), nowMs: (systemClock.nowMs() - work.startMs) * SPEED };
    sections = 0;
    const to = carryOut(step);
    log.push({ ...step, seat: work.seat, ticket, sections, to });
  }
}
parentPort!.postMessage(log, []);
