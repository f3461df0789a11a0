import { createMessage, ECHO, numberMessage } from "../message.ts";
import { workOf } from "../work.ts";
import { answerReader } from "./answer.ts";
import { type Connection, openConnection } from "./connection.ts";
import type { Lane, LaneRun } from "./lane.ts";

/**
 * `tcp-connect-request-close`: a connection a request. The next one is opened when the last is closed at both ends, so
 * that at most `concurrency` connections are open at any moment, for whoever counts them. `tcp-connect` does the same, and
 * times only until the connection stands: the request proves that it leads to an endpoint.
 */
export function connectLane(run: LaneRun, number: number): Lane {
  const request = createMessage(ECHO, number, run.task.messageBytes);
  const answer = answerReader(request);
  const timesConnecting = workOf(run.task.work).kind === "tcp-connect";
  let sequence = 0;
  let connection: Connection | undefined;

  const next = (): void => {
    connection = undefined;
    run.turn(start, () => run.ended(number));
  };
  const start = (dueMs: number): void => {
    let connectedMs = dueMs;
    const mine = openConnection(run, {
      connected() {
        connectedMs = run.nowMs();
      },
      data(chunk) {
        const state = answer.take(chunk);
        if (state === "more") return;
        if (state === "wrong") return mine.fail("wrong");
        run.answered((timesConnecting ? connectedMs : run.nowMs()) - dueMs);
        mine.end();
      },
      closed(clean) {
        if (clean) run.completed(1);
        next();
      },
    });
    numberMessage(request, sequence++);
    answer.reset();
    mine.send(request);
    connection = mine;
  };

  return {
    open: () => Promise.resolve(),
    begin: next,
    get waitingSinceMs() {
      return connection?.waitingSinceMs;
    },
    giveUp: () => connection?.fail("timedOut"),
    abort() {
      connection?.drop();
      run.ended(number);
    },
  };
}
