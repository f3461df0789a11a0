import { countOf } from "../../core/count.ts";
import type { Log } from "../../core/log.ts";
import type { WorkerStart } from "./messages.ts";
import { workersFailed } from "./workers-failed.ts";
import { type Spawn, startWorkerThread, type WorkerThread } from "./worker-thread.ts";

/** The worker threads: started, and started again when one dies. */
export interface Crew {
  /** Those that can be asked now, in order of their seats. */
  alive(): readonly WorkerThread[];
  /** By seat. */
  states(): readonly WorkerState[];
  /**
   * Resolves when at least one can be asked and none is being started.
   *
   * @throws {SluiceError} DATAPLANE_FAILED when none can be kept alive.
   */
  settled(): Promise<void>;
  /** Ends all. */
  stop(): Promise<void>;
}

export interface WorkerState {
  readonly seat: number;
  /** `resting`: it died and waits to be started again. */
  readonly state: "starting" | "running" | "resting";
  /** Undefined while there is none. */
  readonly threadId: number | undefined;
  /** By which the system knows its thread; undefined while there is none, or where the system does not tell. */
  readonly taskId: number | undefined;
  /** How often it was started again. */
  readonly restarts: number;
}

export interface CrewEvents {
  /** What the next thread of a seat is started with. @param life 0 at first, then 1, … */
  startOf(seat: number, life: number): WorkerStart;
  /** A thread can be asked. */
  arrived(thread: WorkerThread): void;
  /** A thread is gone; called at once. @returns how many connections went with it. */
  died(seat: number): number;
}

/** Before a dead worker is started again: twice as long after each death, until it has lived for a while. */
const FIRST_REST_MS = 100;
const LONGEST_REST_MS = 10_000;
const HEALTHY_MS = 60_000;
/** Deaths in a row after which nobody waits for a worker any more. */
const HOPELESS = 4;

interface Seat {
  readonly seat: number;
  state: WorkerState["state"];
  thread: WorkerThread | undefined;
  lives: number;
  deathsInRow: number;
  lastReason: string | undefined;
  healthy: NodeJS.Timeout | undefined;
  rest: NodeJS.Timeout | undefined;
}

export function createCrew(size: number, spawn: Spawn, log: Log, events: CrewEvents): Crew {
  let stopping = false;
  const waiting: (() => void)[] = [];
  const changed = (): void => {
    for (const resolve of waiting.splice(0)) resolve();
  };
  const start = (one: Seat): void => {
    one.state = "starting";
    one.thread = startWorkerThread(events.startOf(one.seat, one.lives++), spawn, {
      ready(thread) {
        one.state = "running";
        one.healthy = setTimeout(() => (one.deathsInRow = 0), HEALTHY_MS).unref();
        events.arrived(thread);
        changed();
      },
      ended: (reason) => bury(one, reason),
    });
  };
  const bury = (one: Seat, reason: string | undefined): void => {
    const threadId = one.thread?.threadId;
    one.state = "resting";
    one.thread = undefined;
    one.lastReason = reason;
    clearTimeout(one.healthy);
    const lost = events.died(one.seat);
    if (!stopping) {
      const restMs = Math.min(LONGEST_REST_MS, FIRST_REST_MS * 2 ** one.deathsInRow);
      one.deathsInRow += 1;
      log.warn(
        `worker ${one.seat} (thread ${threadId}) died with ${countOf(lost, "connection")}: ${reason}; back in ${restMs} ms`,
      );
      one.rest = setTimeout(start, restMs, one);
    }
    changed();
  };
  const seats = Array.from({ length: size }, (_, seat): Seat => {
    const unborn = { thread: undefined, lastReason: undefined, healthy: undefined, rest: undefined };
    return { seat, state: "resting", lives: 0, deathsInRow: 0, ...unborn };
  });
  for (const one of seats) start(one);

  const crew: Crew = {
    alive: () => seats.flatMap(({ state, thread }) => (state === "running" ? [thread!] : [])),
    states: () =>
      seats.map(({ seat, state, thread, lives }) => {
        const { threadId, taskId } = thread ?? { threadId: undefined, taskId: undefined };
        return { seat, state, threadId, taskId, restarts: lives - 1 };
      }),
    async settled() {
      while (seats.some(({ state }) => state === "starting") || crew.alive().length === 0) {
        if (stopping) throw workersFailed("it is closed");
        if (seats.every(({ state, deathsInRow }) => state === "resting" && deathsInRow >= HOPELESS)) {
          throw workersFailed(`no worker thread stays alive: ${seats[0]!.lastReason}`);
        }
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
    async stop() {
      stopping = true;
      changed();
      for (const { rest } of seats) clearTimeout(rest);
      await Promise.all(seats.map(({ thread }) => thread?.stop()));
    },
  };
  return crew;
}
