import { createMessage, ECHO, numberMessage } from "../message.ts";
import { answerReader } from "./answer.ts";
import type { Connection } from "./connection.ts";
import type { Lane, LaneRun } from "./lane.ts";
import { persistentLane } from "./persistent-lane.ts";

/** `tcp-request-response`: one request after the other on a connection that stays open. */
export function keptLane(run: LaneRun, number: number): Lane {
  const request = createMessage(ECHO, number, run.task.messageBytes);
  const answer = answerReader(request);
  let sequence = 0;
  let dueMs = 0;
  let withdraw = (): void => {};

  const send = (connection: Connection): void => {
    withdraw = run.turn(
      (due) => {
        numberMessage(request, sequence++);
        answer.reset();
        dueMs = due;
        connection.send(request);
      },
      () => connection.end(),
    );
  };
  return persistentLane(run, number, {
    start: send,
    // Its turn goes to somebody who can send.
    closed: () => withdraw(),
    data(connection, chunk) {
      const state = answer.take(chunk);
      if (state === "more") return;
      if (state === "wrong") return connection.fail("wrong");
      run.answered(run.nowMs() - dueMs);
      run.completed(1);
      connection.rest();
      send(connection);
    },
  });
}
