import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../../core/clock.ts";
import { assertNever } from "../../core/errors.ts";
import { seededRandom } from "../../core/random.ts";
import { ownTaskId } from "../../host/processor-time.ts";
import { createPoolViews } from "../emulated/pool-views.ts";
import { createEngine } from "./create-engine.ts";
import { createDecisions } from "./decide.ts";
import { endpointMap } from "./endpoint-map.ts";
import { sharedLock } from "./lock.ts";
import type { Answers, Asked, ControlMessage, WorkerMessage, WorkerStart } from "./messages.ts";
import { viewRecentLists } from "./recent-lists.ts";

/** The life of a worker thread: serves its sockets, and does what the control thread asks. */
const start = workerData as WorkerStart;
const control = parentPort!;
const random = seededRandom(start.seed);
const lockOf = (memory: ArrayBufferLike) => sharedLock(memory, { words: start.seats }, start.owner);

const decisions = createDecisions({
  clock: systemClock,
  random,
  pools: createPoolViews({ thread: start.seat, random, lockOf }),
  recent: viewRecentLists(start.recent),
  recentLock: lockOf(start.recent),
  mapEndpoint: endpointMap(start.mapEndpoint),
});
const engine = createEngine(decisions, start);
let policy = start.policy;

async function answer(message: ControlMessage): Promise<Answers[keyof Answers]> {
  switch (message.kind) {
    case "prepare":
      return prepare(message);
    case "open":
      return engine.open(message.listeners);
    case "close":
      return engine.close(message.listeners);
    case "hold":
      return engine.hold();
    case "switch":
      decisions.use(message.table);
      engine.use(message.policy);
      engine.close(message.close);
      policy = message.policy;
      return;
    case "release":
      if (policy.endsStranded) engine.expire(decisions.stranded());
      return engine.release();
    case "drain":
      return engine.drain(message.deadlineMs);
    case "stop":
      return engine.stop();
    default:
      return assertNever(message);
  }
}

function prepare({ program, plan }: Extract<ControlMessage, { kind: "prepare" }>): string | undefined {
  try {
    decisions.prepare(program, plan);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const say = (message: WorkerMessage): void => control.postMessage(message, []);

control.on("message", async ({ number, message }: Asked) => {
  say({ kind: "answer", number, answer: await answer(message) });
  // Nothing is left to wait for: the thread ends by itself.
  if (message.kind === "stop") control.close();
});
say({ kind: "ready", taskId: ownTaskId() });
